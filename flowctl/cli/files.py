"""Files that a command writes: whole or not at all, and over another only where that is allowed."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from flowctl.cli import show
from flowctl.errors import InputError
from flowctl.text import plural


def check_free(path: Path, *, force: bool) -> None:
    """Raise InputError where a file stands in the way that may not be replaced."""
    if not force and path.is_file():
        raise InputError(
            f"{path} is there already; nothing was written", hint="--force replaces it"
        )


def export(
    path: Path | None, text: str, counts: Mapping[str, int], *, force: bool, as_json: bool
) -> None:
    """Write text to a file, or to stdout where none is named, and say what is in it.

    As a document: the counts with the file, or with the text where there is no file.
    """
    if path is not None:
        write_whole(path, text, force=force)
    if as_json:
        show.json_document({"file": path, **counts, "content": None if path else text})
    elif path is None:
        show.raw(text)
    else:
        written = ", ".join(plural(count, name.removesuffix("s")) for name, count in counts.items())
        show.say(f"{path}: written, {written}")


def write_whole(path: Path, text: str, *, force: bool) -> None:
    """Write UTF-8 text to a file; whoever reads it meanwhile sees the old one or the new one.

    A link stays, and the file behind it is replaced, with its mode kept. What is no file (a pipe,
    /dev/stdout) is written to. Raises InputError for what cannot be written, and as ``check_free``.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="\n")
        else:
            _replace(path.resolve(), text.encode(), force=force)
    except FileExistsError:
        check_free(path, force=False)
        raise
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise InputError(f"{path}: {reason}", hint="check where the file is to go") from error


def _replace(path: Path, content: bytes, *, force: bool) -> None:
    unfinished = path.with_name(f".flowctl-{secrets.token_hex(6)}")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if force:
            with suppress(FileNotFoundError):
                unfinished.chmod(path.stat().st_mode & 0o777)
            unfinished.replace(path)
        else:
            _link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _link(unfinished: Path, path: Path) -> None:
    """Give a file its name; unlike a rename it fails where there is a file by now."""
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(path) from None
        unfinished.replace(path)
