"""A Maildir: one file a mail, in ``new`` until somebody has seen it, then in ``cur`` with flags
(https://cr.yp.to/proto/maildir.html)."""

from collections.abc import Iterator
from pathlib import Path

from flowctl.errors import InputError
from flowctl.inbound.mime import LIMIT
from flowctl.mailboxes import StoredMail

_FOLDERS = ("new", "cur")
_SEEN = "S"


class Maildir:
    """The mails of a Maildir; marking one moves it to ``cur`` with the flag ``S``.

    Raises InputError for a folder that is none.
    """

    def __init__(self, folder: Path) -> None:
        lacking = [name for name in (*_FOLDERS, "tmp") if not (folder / name).is_dir()]
        if lacking:
            reason = (
                f"it has no folder {lacking[0]}" if folder.is_dir() else "there is no such folder"
            )
            raise InputError(
                f"{folder} is not a Maildir: {reason}",
                hint="name the folder that holds new, cur and tmp",
            )
        self._folder = folder

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    def unread(self) -> Iterator[StoredMail]:
        """The mails without the flag ``S``, in the order of their names, which is that of arrival.

        One that is moved or removed meanwhile is left out.
        """
        for folder in _FOLDERS:
            for path in sorted((self._folder / folder).iterdir()):
                if path.name.startswith(".") or _SEEN in _flags(path.name):
                    continue
                try:
                    with path.open("rb") as file:
                        yield StoredMail(file.read(LIMIT), f"{folder}/{path.name}")
                except (FileNotFoundError, IsADirectoryError):
                    continue

    def mark_read(self, key: str) -> None:
        """Move a mail to ``cur`` with the flag ``S``, which no other mail can be in the way of."""
        path = self._folder / key
        unique = path.name.partition(":2,")[0]
        flags = "".join(sorted({*_flags(path.name), _SEEN}))
        target = self._folder / "cur" / f"{unique}:2,{flags}"
        if not target.exists():
            try:
                path.rename(target)
            except FileNotFoundError:
                return

    def close(self) -> None:
        """There is nothing to let go of."""


def _flags(name: str) -> str:
    return name.partition(":2,")[2]
