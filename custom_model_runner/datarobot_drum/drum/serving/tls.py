"""TLS for every server, from the ``DRUM_SSL_*`` parameters."""

from __future__ import annotations

import ssl
from typing import Final

from datarobot_drum.drum.exceptions import SettingError
from datarobot_drum.drum.knobs import knob

_REQUIREMENTS: Final = {
    "none": ssl.CERT_NONE,
    "0": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "1": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
    "2": ssl.CERT_REQUIRED,
}


def server_context() -> ssl.SSLContext | None:
    """What to wrap accepted connections with; None where TLS is not asked for.

    Raises:
        SettingError: a file cannot be read or used, or parameters do not go together.
    """
    certificate = knob("DRUM_SSL_CERTFILE")
    requirement = _REQUIREMENTS[knob("DRUM_SSL_CERT_REQS")]
    if certificate is None:
        _refuse_without_certificate(requirement)
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_certificate(context, certificate)
    _load_authorities(context, requirement)
    return context


def _refuse_without_certificate(requirement: ssl.VerifyMode) -> None:
    for name in ("DRUM_SSL_KEYFILE", "DRUM_SSL_CA_CERTS"):
        if knob(name) is not None:
            raise SettingError(f"{name} is set, but DRUM_SSL_CERTFILE is not.")
    if requirement is not ssl.CERT_NONE:
        raise SettingError("DRUM_SSL_CERT_REQS is set, but DRUM_SSL_CERTFILE is not.")


def _load_certificate(context: ssl.SSLContext, certificate: str) -> None:
    key = knob("DRUM_SSL_KEYFILE")
    password = knob("DRUM_SSL_KEYFILE_PASSWORD")
    try:
        # Without a callback OpenSSL would ask for the password on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: password or "")
    except OSError as error:
        raise SettingError(
            f"Cannot use DRUM_SSL_CERTFILE ({certificate}) with"
            f" DRUM_SSL_KEYFILE ({key or 'the same file'}): {_reason(error)}."
        ) from error


def _load_authorities(context: ssl.SSLContext, requirement: ssl.VerifyMode) -> None:
    authorities = knob("DRUM_SSL_CA_CERTS")
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
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or 'not a PEM file, or a wrong password'}"
    return str(error.strerror)
