"""Reading a steps file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from flowctl.errors import InputError
from flowctl.flowfile.fields import Fields, Mistakes
from flowctl.flowfile.flows import FLOW_KEYS, read_flow
from flowctl.flowfile.oldnames import WAS, read_old_names
from flowctl.flowfile.steps import read_steps
from flowctl.model import DEFAULT_FLOW, FlowSteps

_FORMS = "[[steps]] for one flow, or [[flows]] with [[flows.steps]] for several"
_HINT = "flows.example.toml shows how a steps file is written"


def read(path: Path) -> tuple[FlowSteps, ...]:
    """The flows and steps of a file, in its order and in normal form (see ``normalize``).

    ``content_file`` is read relative to the file's folder. Raises ``InputError`` for a file that
    cannot be read or says nothing, and for all the mistakes in it, one line each in ``details``.
    """
    mistakes = Mistakes(path)
    document = Fields(_toml(path), "", mistakes)
    flows = _several(document, path) if "flows" in document else _single(document, path)
    if mistakes.lines:
        count = len(mistakes.lines)
        raise InputError(
            f"{path}: {count} mistake{'s' if count > 1 else ''}",
            hint="correct the file; nothing was done with it",
            details=tuple(mistakes.lines),
        )
    return flows


def _toml(path: Path) -> Mapping[str, object]:
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file", hint=_HINT) from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, expected a steps file", hint=_HINT) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: {reason}", hint="check the path and its rights") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 at byte {error.start}", hint="save it as UTF-8"
        ) from None
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise InputError(f"{path}: not TOML: {reason}", hint=_HINT) from None
    if not document:
        raise InputError(f"{path}: has no steps, expected {_FORMS}", hint=_HINT)
    return document


def _several(document: Fields, path: Path) -> tuple[FlowSteps, ...]:
    """The form with ``[[flows]]``."""
    for name in ("steps", WAS, *FLOW_KEYS):
        if name != "name" and name in document:
            document.wrong(name, "stands at the top level beside [[flows]]", "it inside a flow")
    document.only(("flows", "steps", WAS, *(name for name in FLOW_KEYS if name != "name")))
    tables = document.tables("flows")
    if document.table["flows"] == []:
        document.wrong("flows", "is empty", "at least one flow")
    named = []
    seen: set[str] = set()
    for number, table in enumerate(tables, start=1):
        given = table.get("name")
        location = f"flow '{given}'" if isinstance(given, str) and given else f"flow {number}"
        fields = document.inner(table, location)
        fields.only((*FLOW_KEYS, WAS, "steps"))
        name = fields.label("name") or ""
        if name and name in seen:
            fields.wrong("name", "another flow of the file has it", "a name of its own")
        seen.add(name)
        named.append((fields, name))
    old_names = read_old_names(named, "flow")
    return tuple(_flow(fields, name, path.parent, old_names) for fields, name in named)


def _single(document: Fields, path: Path) -> tuple[FlowSteps, ...]:
    """The form with ``[[steps]]`` at the top level: the flow ``default``."""
    name = DEFAULT_FLOW
    settings = tuple(key for key in FLOW_KEYS if key != "name")
    document.only(("flows", "steps", WAS, *settings))
    if "steps" not in document:
        document.wrong("", "has no steps", _FORMS)
    fields = document.inner(document.table, f"flow '{name}'")
    return (_flow(fields, name, path.parent, read_old_names([(fields, name)], "flow")),)


def _flow(fields: Fields, name: str, folder: Path, old_names: Mapping[str, str]) -> FlowSteps:
    flow = read_flow(fields, name)
    steps, old_keys = read_steps(fields, name, folder)
    return FlowSteps(flow, steps, was=old_names.get(name), old_keys=old_keys)
