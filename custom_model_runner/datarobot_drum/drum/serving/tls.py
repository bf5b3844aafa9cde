"""TLS for every server, as the settings say."""

from __future__ import annotations

import functools
import os
import stat
from typing import TYPE_CHECKING, Final

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs.serving import TlsSettings
from datarobot_drum.drum.logs import get_drum_logger

if TYPE_CHECKING:
    import ssl

logger = get_drum_logger(__name__)

# By the names that they have in ``ssl``.
_REQUIREMENTS: Final = {
    "none": "CERT_NONE",
    "optional": "CERT_OPTIONAL",
    "required": "CERT_REQUIRED",
}


def server_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """What to wrap accepted connections with; None where TLS is not asked for.

    Raises:
        SettingError: a file cannot be read or used, or parameters do not go together.
    """
    if settings.certfile is None:
        _refuse_without_certificate(settings)
        return None
    # A supervisor would keep it in memory for nothing: it takes a megabyte.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    key = settings.keyfile or settings.certfile
    _load_certificate(context, settings, settings.certfile)
    _warn_of_readers("CERTFILE" if settings.keyfile is None else "KEYFILE", key)
    _load_authorities(context, settings)
    return context


def _refuse_without_certificate(settings: TlsSettings) -> None:
    useless = {
        "DRUM_SSL_KEYFILE": settings.keyfile is not None,
        "DRUM_SSL_CA_CERTS": settings.ca_certs is not None,
        "DRUM_SSL_CERT_REQS": settings.cert_reqs != "none",
    }
    for name, is_set in useless.items():
        if is_set:
            raise SettingError(f"{name} is set, but DRUM_SSL_CERTFILE is not.")


def _load_certificate(context: ssl.SSLContext, settings: TlsSettings, certificate: str) -> None:
    key, password = settings.keyfile, settings.keyfile_password
    try:
        # Without a callback OpenSSL would ask for the password on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: password or "")
    except OSError as error:
        raise SettingError(
            f"Cannot use DRUM_SSL_CERTFILE ({certificate}) with"
            f" DRUM_SSL_KEYFILE ({key or 'the same file'}): {_reason(error)}."
        ) from error


@functools.cache  # workers inherit it: said once, where the server is started
def _warn_of_readers(name: str, key: str) -> None:
    """A group is often on purpose, as Kubernetes mounts a secret for a pod's group."""
    mode = stat.S_IMODE(os.stat(key).st_mode)
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        logger.warning(
            "Other users may read or replace the private key in DRUM_SSL_%s (%s, mode %03o):"
            " `chmod o= %s` takes that right away.",
            name,
            key,
            mode,
            key,
        )


def _load_authorities(context: ssl.SSLContext, settings: TlsSettings) -> None:
    import ssl

    authorities = settings.ca_certs
    requirement = ssl.VerifyMode[_REQUIREMENTS[settings.cert_reqs]]
    if authorities is None:
        if requirement is not ssl.CERT_NONE:
            raise SettingError("DRUM_SSL_CERT_REQS needs DRUM_SSL_CA_CERTS.")
        return
    try:
        context.load_verify_locations(authorities)
    except OSError as error:
        raise SettingError(
            f"Cannot use DRUM_SSL_CA_CERTS ({authorities}): {_reason(error)}."
        ) from error
    context.verify_mode = requirement


def _reason(error: OSError) -> str:
    import ssl

    if isinstance(error, ssl.SSLError):
        return f"{error.reason or 'not a PEM file, or a wrong password'}"
    return str(error.strerror)
