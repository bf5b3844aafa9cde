"""A parameter of the runner, declared together with the field that holds its value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.kinds import Kind

T = TypeVar("T")
D = TypeVar("D")

METADATA_KEY: Final = "knob"
ALL_SERVERS: Final = ("flask", "gunicorn", "fastapi")


@dataclass(frozen=True, slots=True)
class Knob:
    """One runtime parameter that configures the runner itself.

    Attributes:
        default: the value while the parameter is not set; None also where that depends on other
            things, which the help then says.
        servers: the servers it has an effect on.
        aliases: its other names, which users know from earlier versions or another server.
        twin: another parameter whose value applies while this one is unset.
        secret: its value is never shown.
        empty_is_unset: an empty value is none, as a platform sends it for what nobody filled in.
    """

    name: str
    takes: Kind[Any]
    default: Any
    help: str
    servers: tuple[str, ...] = ALL_SERVERS
    aliases: tuple[str, ...] = ()
    twin: str | None = None
    secret: bool = False
    empty_is_unset: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    def parse(self, raw: object, name: str | None = None) -> Any:
        """Turn a runtime parameter's value into the declared type.

        Args:
            name: the name that the user gave it.

        Raises:
            SettingError: the value is of another type or out of range.
        """
        try:
            return self.takes.parse(raw)
        except ValueError:
            is_empty = raw is None or (isinstance(raw, str) and not raw.strip())
            found = "it must not be empty" if is_empty else self.shown(raw)
            raise SettingError(
                f"Invalid {name or self.name}: {found}. Valid values are: {self.takes.range_text}."
            ) from None

    def shown(self, raw: object) -> str:
        """A value as an error may show it: a credential has fields."""
        return "*****" if self.secret or isinstance(raw, dict) else repr(raw)


def knob(
    name: str,
    takes: Kind[T],
    default: D,
    help: str,
    *,
    servers: tuple[str, ...] = ALL_SERVERS,
    aliases: tuple[str, ...] = (),
    twin: str | None = None,
    secret: bool = False,
    empty_is_unset: bool = False,
) -> T | D:
    """The field of a settings' dataclass that a runtime parameter fills; see ``Knob``."""
    entry = Knob(name, takes, default, help, servers, aliases, twin, secret, empty_is_unset)
    return field(default=default, repr=not secret, metadata={METADATA_KEY: entry})
