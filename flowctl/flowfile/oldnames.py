"""What flows and steps were named before: the line ``was`` of a steps file."""

from collections.abc import Sequence

from flowctl.flowfile.fields import Fields

WAS = "was"


def read_old_names(siblings: Sequence[tuple[Fields, str | None]], noun: str) -> dict[str, str]:
    """The former names of things of one kind, by the names they have now.

    A former name is nobody's now and was one thing's: else the line could not be read a second time
    and mean the same. So two names are not swapped, and none is moved on, in one file.
    """
    names = {name for _, name in siblings}
    found: dict[str, str] = {}
    for fields, name in siblings:
        was = fields.label(WAS, is_required=False)
        if was is None or not name:
            continue
        if was == name:
            fields.wrong(WAS, "is its name now", "the name that it had before, or no such line")
        elif was in names:
            expected = "a name that is in use no more: swap names in several syncs"
            fields.wrong(WAS, f"another {noun} of the file is named '{was}'", expected)
        elif was in found.values():
            fields.wrong(WAS, f"another {noun} of the file was '{was}' too", "it in one of the two")
        else:
            found[name] = was
    return found
