"""The command line: one module per command group, each unpacks flags, calls one use case, shows one
result.

``main`` is the only place where an error becomes an exit status. Command modules import typer and
the light modules beside them; use cases, and with them the database and the providers, are imported
inside the commands, so that ``--help`` and completion answer at once.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from flowctl import __version__
from flowctl.cli import show
from flowctl.cli.options import plain_app, require_command
from flowctl.cli.session import Session, session_of
from flowctl.errors import FlowctlError, InputError, UsageError

COMMAND_MODULES: tuple[str, ...] = (
    "flowctl.cli.schema",
    "flowctl.cli.flows",
    "flowctl.cli.steps",
    "flowctl.cli.preview",
    "flowctl.cli.dispatch",
    "flowctl.cli.status",
    "flowctl.cli.forecast",
    "flowctl.cli.report",
    "flowctl.cli.messages",
    "flowctl.cli.leads",
    "flowctl.cli.suppressions",
    "flowctl.cli.reconcile",
    "flowctl.cli.doctor",
    "flowctl.cli.demo",
)
"""Full module names in the order of ``--help``; each has ``register(app: typer.Typer) -> None``."""

_GLOBAL_OPTIONS = {
    "--env-file": "--env-file FILE",
    "--debug": "--debug",
    "--version": "--version",
}

EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_READER_GONE = 141
"""What a shell reports of any program whose reader went away (128 + SIGPIPE), as in ``| head``."""


def run(modules: Sequence[str] = COMMAND_MODULES) -> NoReturn:
    """The installed program: run the process's own arguments and exit."""
    show.escape_what_cannot_be_shown()
    sys.exit(main(sys.argv[1:], modules))


def main(argv: Sequence[str], modules: Sequence[str] = COMMAND_MODULES) -> int:
    """Run one command of ``modules`` and return its exit status; what fails is told on stderr."""
    session = Session(os.environ)
    show.release()
    try:
        status = _invoke(build_app(_needed(modules, argv)), argv, session)
        show.flush()
    except show.ReaderGone:
        return EXIT_READER_GONE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the net under everything: nothing may escape
        return _report(error, argv, debug=session.debug)
    return status


def _needed(modules: Sequence[str], argv: Sequence[str]) -> Sequence[str]:
    """The one module of the command, where it is named for it and comes first; else all."""
    name = f"{__name__}.{argv[0]}" if argv else ""
    return [name] if name in modules else modules


def build_app(modules: Sequence[str] = COMMAND_MODULES) -> typer.Typer:
    """The program with the commands of ``modules``."""
    app = plain_app("Drip messaging for leads that lives in your own Postgres.")
    app.callback()(_global_options)
    for name in modules:
        register: Callable[[typer.Typer], None] = import_module(name).register
        register(app)
    return app


def _invoke(app: typer.Typer, argv: Sequence[str], session: Session) -> int:
    """Let typer parse and run ``argv``. Commands return nothing: they raise for another status."""
    try:
        status = app(args=list(argv), prog_name="flowctl", obj=session, standalone_mode=False)
    except SystemExit as stop:
        # Typer ends the process by itself for any EPIPE, a database's or a provider's too.
        if isinstance(stop.__context__, BrokenPipeError):
            raise stop.__context__ from None
        raise
    return status if isinstance(status, int) else 0


def _report(error: Exception, argv: Sequence[str], *, debug: bool) -> int:
    if debug:
        show.say("".join(traceback.format_exception(error)).rstrip())
    expected = _as_expected(error, argv)
    if expected is None:
        show.failure(FlowctlError(_bug(error), hint=_bug_hint(debug=debug)))
        return EXIT_BUG
    show.failure(expected)
    return expected.exit_code


def _as_expected(error: Exception, argv: Sequence[str]) -> FlowctlError | None:
    """The error in our own family, if it is one that a user can act on."""
    match error:
        case FlowctlError():
            return error
        case typer.TyperException():
            return _usage_error(error, argv)
        case OSError(filename=str() | Path() as name, strerror=str() as reason):
            return InputError(f"{name}: {reason.lower()}", hint="check the path and its rights")
        case _:
            return None


def _usage_error(error: typer.TyperException, argv: Sequence[str]) -> UsageError:
    """Typer's complaint in our form; the class that carries a context is not public."""
    message = error.format_message().rstrip(".")
    command = getattr(getattr(error, "ctx", None), "command_path", "flowctl")
    option = getattr(error, "option_name", None)
    hint = _option_hint(option, command, argv) if isinstance(option, str) else ""
    return UsageError(message[:1].lower() + message[1:], hint=hint or f"{command} --help")


def _option_hint(option: str, command: str, argv: Sequence[str]) -> str:
    """Where an option belongs that the command has not; empty where nobody knows."""
    if option in _GLOBAL_OPTIONS and command != "flowctl":
        rest = command.removeprefix("flowctl ")
        return f"it goes before the command: flowctl {_GLOBAL_OPTIONS[option]} {rest} ..."
    if command == "flowctl leads add":
        column = option.lstrip("-").replace("-", "_")
        return f"write {column}={_value_of(option, argv)}"
    return ""


def _value_of(option: str, argv: Sequence[str]) -> str:
    """What was written after an option, for a hint."""
    for number, argument in enumerate(argv):
        name, equals, value = argument.partition("=")
        if name == option:
            following = value if equals else " ".join(argv[number + 1 : number + 2])
            return following[:40] or "VALUE"
    return "VALUE"


def _bug(error: Exception) -> str:
    """Where it happened and what it was; not its text, which may quote a lead or a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"internal error: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def _bug_hint(*, debug: bool) -> str:
    if debug:
        return "this is a bug of flowctl; report it with the traceback above"
    return "this is a bug of flowctl; report what it prints as `flowctl --debug ...`"


def _show_version(wanted: bool) -> None:
    if wanted:
        show.line(f"flowctl {__version__}")
        raise typer.Exit


def _global_options(
    ctx: typer.Context,
    env_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read settings from FILE (KEY=VALUE lines); the environment wins.",
            show_default=False,
            readable=False,  # whoever reads it says more of what to do
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error, for a bug report.")
    ] = False,
    version: Annotated[  # noqa: ARG001  # its callback has done all there is to do
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    session = session_of(ctx)
    session.env_file = env_file
    session.debug = debug
    require_command(ctx)
