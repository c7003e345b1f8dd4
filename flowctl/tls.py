"""TLS towards mail servers."""

import ssl
from pathlib import Path

from flowctl.errors import InputError


def verifying_context(cafile: Path | None, variable: str) -> ssl.SSLContext:
    """A context that verifies the server's certificate and its name, by the system's authorities or
    by those of ``cafile``, which the URL in ``variable`` names.

    Raises InputError where that is no file of certificates.
    """
    try:
        return ssl.create_default_context(cafile=cafile)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{variable}: {cafile} is not a file of CA certificates",
            hint="name a PEM file with ?cafile=FILE",
        ) from error
