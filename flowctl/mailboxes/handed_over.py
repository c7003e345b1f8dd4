"""One mail on standard input, as a mail server's alias hands it over.

What the envelope was stands in the environment: qmail, Postfix, Exim and OpenSMTPD set ``SENDER``
(empty for the null return path) and ``RECIPIENT``; the part of the address after its separator is
``EXT`` in qmail and ``EXTENSION`` in Postfix and OpenSMTPD.
"""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from flowctl.inbound.mime import LIMIT
from flowctl.mailboxes import StoredMail

_RECIPIENT_NAMES = ("RECIPIENT", "ORIGINAL_RECIPIENT", "EXT", "EXTENSION", "LOCAL_PART_SUFFIX")
_CHUNK = 64 * 1024


class HandedOver:
    """The mail on a stream. ``environ`` is read only where it has a ``RECIPIENT``, so that a
    ``SENDER`` that means something else is not believed."""

    name = "standard input"

    def __init__(self, stream: BinaryIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._environ = environ if "RECIPIENT" in environ else {}

    def unread(self) -> Iterator[StoredMail]:
        """The mail. All of it is taken from the stream: whoever writes must not see it close."""
        raw = self._stream.read(LIMIT)
        while self._stream.read(_CHUNK):
            pass
        if raw.strip():
            names = (self._environ.get(name, "") for name in _RECIPIENT_NAMES)
            yield StoredMail(
                raw, sender=self._environ.get("SENDER"), recipients=tuple(filter(None, names))
            )

    def mark_read(self, key: str) -> None:
        """Nothing: it is read."""

    def close(self) -> None:
        """The stream is the process's own."""
