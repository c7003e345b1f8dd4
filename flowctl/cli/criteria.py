"""The options that say which messages are meant: declared once for all commands that have them."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowctl.cli import completion
from flowctl.cli.options import FlowName, LeadId
from flowctl.cli.values import when, zone
from flowctl.errors import UsageError
from flowctl.model import Channel, Status
from flowctl.times import When

if TYPE_CHECKING:
    from flowctl.messages import Criteria

_OPTIONS: dict[str, Any] = {
    "statuses": Annotated[
        list[Status] | None,
        typer.Option("--status", help="Only of this status; may be repeated.", show_default=False),
    ],
    "lead": LeadId,
    "to": Annotated[
        str | None,
        typer.Option("--to", metavar="ADDRESS", help="Only to this address.", show_default=False),
    ],
    "flow": FlowName,
    "step": Annotated[
        str | None,
        typer.Option(
            "--step",
            metavar="KEY",
            help="Only this step: KEY, FLOW/KEY.",
            show_default=False,
            autocompletion=completion.steps,
        ),
    ],
    "channel": Annotated[
        Channel | None, typer.Option("--channel", help="Only this channel.", show_default=False)
    ],
    "error": Annotated[
        str | None,
        typer.Option(
            "--error", metavar="TEXT", help="Only with TEXT in the error.", show_default=False
        ),
    ],
    "since": Annotated[
        When | None,
        typer.Option(
            "--since",
            parser=when,
            metavar="WHEN",
            help="Only from WHEN on: 2026-03-02 15:00, or so long ago: 3d.",
            show_default=False,
        ),
    ],
    "until": Annotated[
        When | None,
        typer.Option(
            "--until", parser=when, metavar="WHEN", help="Only before WHEN.", show_default=False
        ),
    ],
    "is_due": Annotated[bool, typer.Option("--due", help="Only those that are due now.")],
    "is_undelivered": Annotated[
        bool, typer.Option("--undelivered", help="Only those sent that did not arrive.")
    ],
    "is_unknown": Annotated[
        bool,
        typer.Option("--unknown", help="Those with an unknown outcome: they may have gone out."),
    ],
    "timezone": Annotated[
        str | None,
        typer.Option(
            "--timezone",
            parser=zone,
            metavar="ZONE",
            help="The zone of times; else that of --flow, else UTC.",
            show_default=False,
        ),
    ],
}
"""By field of ``Criteria`` the option that fills it, in the order of ``--help``."""


def with_criteria(*, without: set[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options, all but ``without``, in the place of its parameter ``wanted``,
    and pass what was typed to it as that."""
    names = [name for name in _OPTIONS if name not in without]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_options(**values: Any) -> None:  # noqa: ANN401 - what typer read
            from flowctl.messages import Criteria

            read = {name: values.pop(name) for name in names}
            statuses = tuple(read.pop("statuses", None) or ())
            command(wanted=Criteria(statuses=statuses, **read), **values)

        own = inspect.signature(command).parameters
        parameters = [
            parameter
            for name, declared in own.items()
            for parameter in (_parameters(names) if name == "wanted" else [declared])
        ]
        with_options.__annotations__ = {one.name: one.annotation for one in parameters}
        vars(with_options)["__signature__"] = inspect.Signature(parameters)
        return with_options

    return decorate


def _parameters(names: list[str]) -> list[inspect.Parameter]:
    """Each of these options as a parameter in a signature, which is what typer reads."""
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if name.startswith("is_") else None,
            annotation=_OPTIONS[name],
        )
        for name in names
    ]


def refuse_ids_with_filters(ids: list[str] | None, wanted: "Criteria") -> None:
    """Raise UsageError where messages are named by their ids and by filters."""
    if ids and not wanted.is_empty:
        raise UsageError("ids and filters contradict each other", hint="give one of them")
