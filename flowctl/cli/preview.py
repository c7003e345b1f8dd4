"""``flowctl preview``: what a lead was sent, will be sent, would be sent."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import FlowName, Json
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import timestamp
from flowctl.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowctl.model import FlowSteps, JsonObject
    from flowctl.preview import NewLead, Preview, PreviewedMessage

_DOCUMENT = (
    "flow",
    "key",
    "step_order",
    "type",
    "scheduled_for",
    "status",
    "sent_at",
    "to",
    "subject",
    "content",
    "reason",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("preview")(preview)


def preview(
    ctx: typer.Context,
    lead_id: Annotated[
        str | None,
        typer.Argument(metavar="LEAD", help="A lead: its id, email or phone.", show_default=False),
    ] = None,
    *,
    created_at: Annotated[
        datetime | None,
        typer.Option(
            parser=timestamp,
            metavar="WHEN",
            help="Instead of LEAD: a lead that does not exist, created at WHEN "
            "(2026-03-02 15:00; without an offset in --timezone, else in the flow's zone).",
            show_default=False,
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="That lead's zone.", show_default=False),
    ] = None,
    lead: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help='That lead\'s row: \'{"first_name": "Ada", "email": "ada@example.com"}\'.',
            show_default=False,
        ),
    ] = None,
    flow: FlowName = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also the flows that the lead is not in.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="As the steps of FILE would have it, synced or not.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why each time is what it is.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page to FILE, too.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a lead's whole schedule, as the lead will read it.

    Writes nothing. Example: flowctl preview --created-at '2026-03-02 15:00' --file flows.toml
    """
    _refuse_contradictions(lead_id, created_at, {"--timezone": timezone, "--lead": lead})
    from flowctl import flowfile
    from flowctl import preview as use_case
    from flowctl.cli.files import write_whole
    from flowctl.cli.warnings import show_warnings

    flows = None if file is None else flowfile.read(file)
    new = None if created_at is None else _new_lead(created_at, timezone, lead, flows)
    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        if new is not None:
            found = use_case.preview_new_lead(connection, settings, new, only_flow=flow)
        else:
            found = use_case.preview_lead(
                connection, settings, lead_id or "", only_flow=flow, file=flows, has_all=show_all
            )
        senders = {} if html is None else use_case.senders(connection, settings)
        odd = use_case.field_warnings(connection, found, flows)
    if html is not None:
        page = use_case.html_page(found, explain=explain, senders=senders)
        write_whole(html, page, force=True)
        show.say(f"{html}: written")
    if as_json:
        show.json_document(_document(found, explain=explain))
    else:
        _show(found, explain=explain)
    show_warnings(odd)


def _refuse_contradictions(
    lead_id: str | None, created_at: datetime | None, given: dict[str, str | None]
) -> None:
    if (lead_id is None) == (created_at is None):
        raise UsageError(
            "preview needs a lead's id or --created-at"
            if lead_id is None
            else "a lead's id and --created-at contradict each other",
            hint="flowctl preview LEAD, or flowctl preview --created-at '2026-03-02 15:00'",
        )
    for option, value in given.items():
        if lead_id is not None and value is not None:
            raise UsageError(f"{option} goes only with --created-at", hint=f"leave out {option}")


def _new_lead(
    created_at: datetime,
    timezone: str | None,
    lead: str | None,
    flows: "Sequence[FlowSteps] | None",
) -> "NewLead":
    from flowctl.preview import NewLead

    return NewLead(
        created=created_at,
        timezone=timezone,
        row=None if lead is None else _json_object(lead),
        file=flows,
    )


def _json_object(written: str) -> "JsonObject":
    from flowctl.flowfile.jsonvalue import json_object
    from flowctl.jsonvalues import from_json

    hint = '--lead \'{"first_name": "Ada", "email": "ada@example.com"}\''
    try:
        row = from_json(written)
        if isinstance(row, dict):
            return json_object(row)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--lead: not JSON: {error}", hint=hint) from None
    raise InputError("--lead: JSON, but no object", hint=hint)


def _document(found: "Preview", *, explain: bool) -> dict[str, object]:
    messages = []
    for message in found.messages:
        entry = {name: getattr(message, name) for name in _DOCUMENT}
        if explain:
            entry["explanation"] = list(message.explanation)
        messages.append(entry)
    return {"lead_id": found.lead_id, "timezone": found.timezone, "messages": messages}


def _show(found: "Preview", *, explain: bool) -> None:
    from flowctl.preview import timestamp_text

    who = "a new lead" if found.lead_id is None else f"lead {found.lead_id}"
    show.say(f"{who}, times in {found.timezone}")
    rows = [
        {
            "when": timestamp_text(message.sent_at or message.scheduled_for),
            "zone": message.zone if message.zone != found.timezone else None,
            "step": message.step,
            "type": message.type,
            "to": message.to,
            "status": message.status or "not scheduled",
            "note": message.reason,
        }
        for message in found.messages
    ]
    # a zone of its own and a note are rare, and a window is narrow
    columns = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    show.table(
        columns,
        [[row[name] for name in columns] for row in rows],
        empty="there are no steps: flowctl steps sync FILE"
        if found.lead_id is None
        else "the lead is in no flow: --all shows what it is not in",
    )
    for message in found.messages:
        _show_message(message, explain=explain)


def _show_message(message: "PreviewedMessage", *, explain: bool) -> None:
    from flowctl.preview import timestamp_text

    show.line()
    show.line(
        f"{message.step}, {message.type} to {message.to or 'nobody'}, "
        f"{timestamp_text(message.scheduled_for)}: {message.status or 'not scheduled'}"
    )
    if explain:
        for sentence in message.explanation:
            show.line(f"  {sentence}")
    if message.subject is not None:
        show.line(f"  | Subject: {message.subject}")
        show.line("  |")
    for line in message.text.rstrip().replace("\r\n", "\n").split("\n"):
        show.line(f"  | {line}")
