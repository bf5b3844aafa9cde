"""What every custom task is: it fits, it can be saved and loaded, it may get secrets."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from datarobot_drum.custom_task_interfaces.scrubbing import scrubbed
from datarobot_drum.custom_task_interfaces.user_secrets import (
    AbstractSecret,
    load_secrets,
    plain_values,
)
from datarobot_drum.drum.exceptions import DrumSerializationError
from datarobot_drum.drum.logs import get_drum_logger
from datarobot_drum.drum.utils.others_code import failing_as

if TYPE_CHECKING:
    import pandas as pd

logger = get_drum_logger(__name__)

ARTIFACT_NAME: Final = "drum_artifact.pkl"
_SECRETS: Final = "_secrets"

Task = TypeVar("Task", bound="Serializable")


class Serializable:
    """Saves itself to, and loads itself from, ``drum_artifact.pkl`` in a folder.

    Tasks that need another format override ``save_task`` and ``load_task``.
    """

    def save(self: Task, artifact_directory: str) -> Task:
        """Save into ``artifact_directory`` and return the task itself."""
        self.save_task(artifact_directory)
        return self

    def save_task(self, artifact_directory: str, exclude: Sequence[str] | None = None) -> None:
        """Pickle the task without its secrets; the file is whole or absent.

        Args:
            exclude: attributes that are saved as None.

        Raises:
            DrumSerializationError: an attribute in ``exclude`` does not exist, or one that is
                saved cannot be pickled.
        """
        kept = {name: self._excluded(name) for name in exclude or ()}
        kept |= {name: value for name, value in vars(self).items() if name == _SECRETS}
        try:
            vars(self).update(dict.fromkeys(kept))
            with failing_as(_not_picklable):
                data = pickle.dumps(self)
        finally:
            vars(self).update(kept)
        Path(artifact_directory, ARTIFACT_NAME).write_bytes(data)

    @classmethod
    def load(cls: type[Task], artifact_directory: str) -> Task:
        """Load what ``save`` wrote.

        Raises:
            DrumSerializationError: ``load_task`` returned an object of another class.
        """
        task = cls.load_task(artifact_directory)
        if not isinstance(task, cls):
            raise DrumSerializationError(f"load_task method must return a {cls.__name__} class")
        return task

    @classmethod
    def load_task(cls: type[Task], artifact_directory: str) -> Task:
        """Unpickle what ``save_task`` wrote."""
        task: Task = pickle.loads(Path(artifact_directory, ARTIFACT_NAME).read_bytes())
        return task

    def _excluded(self, name: str) -> Any:
        if name not in vars(self):
            raise DrumSerializationError(
                f"The object named {name} passed in exclude= was not found"
            )
        return vars(self)[name]


def _not_picklable(exc: BaseException) -> DrumSerializationError:
    return DrumSerializationError(
        "An error occurred when saving your custom task. Ensure all variables stored on "
        f"self are pickle-able or excluded when saving. Exception: {exc!r}"
    )


class CustomTaskInterface(Serializable):
    """Base of all tasks; subclass one of the estimator or transformer interfaces instead."""

    # On the class, because neither unpickling nor a subclass's __init__ need call ours.
    _secrets: Mapping[str, AbstractSecret] | None = None

    @property
    def secrets(self) -> Mapping[str, AbstractSecret]:
        """The user secrets by name; empty when there are none."""
        return self._secrets or {}

    @secrets.setter
    def secrets(self, secrets: Mapping[str, AbstractSecret] | None) -> None:
        self._secrets = secrets

    def fit(
        self,
        X: pd.DataFrame,  # noqa: N803
        y: pd.Series[Any],
        parameters: Mapping[str, Any] | None = None,
        row_weights: pd.Series[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Train on rows ``X`` with target ``y`` and keep what was learnt on ``self``."""
        raise NotImplementedError

    @staticmethod
    def log_message(message: str) -> None:
        """Log at level info. Deprecated: use a logger of your own."""
        logger.info(message)


@contextmanager
def secrets_injection_context(
    interface: CustomTaskInterface, mount_path: str | None, env_var_prefix: str | None
) -> Iterator[None]:
    """Give a task its secrets inside a block, and keep them out of its output.

    Raises:
        ValueError: a secret cannot be read; see ``load_secrets``.
    """
    secrets = load_secrets(mount_path, env_var_prefix)
    interface.secrets = secrets
    try:
        with scrubbed(value for secret in secrets.values() for value in plain_values(secret)):
            yield
    finally:
        interface.secrets = {}
