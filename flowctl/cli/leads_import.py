"""``flowctl leads import``: many leads, from the files that people have."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.importing import (
    Dates,
    Encoding,
    Region,
    attend_to_rejected,
    import_file,
    region_of,
    say_rows,
)
from flowctl.cli.options import DryRun, Json
from flowctl.cli.session import open_leads, session_of
from flowctl.leadfile.dates import Order
from flowctl.model import Channel
from flowctl.text import plural

if TYPE_CHECKING:
    from flowctl.database import Connection
    from flowctl.leads_import import Imported, LeadsImport, Options

DAYS = 7
"""Days of which the number of messages is shown; the later ones are added up."""

TEXTS_A_DAY = 24 * 60 * 60
"""What a plain number sends at Twilio: a text a second."""

_Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="HEADER=COLUMN",
        help="Which column a header is; no COLUMN leaves it out, first_name+last_name splits it.",
        show_default=False,
    ),
]


def import_leads(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    *,
    mapped: _Map = None,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out headers that are not columns.")
    ] = False,
    opt_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEADER[=VALUE]",
            help="Suppress the addresses of rows in which HEADER says VALUE, or yes.",
            show_default=False,
        ),
    ] = None,
    dates: Dates = None,
    encoding: Encoding = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE", help="Of times without an offset; else the lead's.", show_default=False
        ),
    ] = None,
    region: Region = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Add many leads from a CSV file; each is scheduled at once.

    Rows that cannot be taken go to FILE.rejects.csv with the reason; leads that are there already
    are skipped, so the command may be repeated.

    Example: flowctl leads import contacts.csv --map 'Mobile=phone' --opt-out 'Email Opt Out'
    """
    options = _options(
        ctx, mapped, ignore_unknown, opt_out, dates, encoding, timezone, region, dry_run
    )
    from flowctl import leads_import

    def prepare(connection: "Connection") -> "LeadsImport":
        importing = leads_import.prepare(connection, file, options)
        _say_layout(importing)
        return importing

    def so_far(importing: "LeadsImport") -> str | None:
        return None if dry_run else _so_far(importing.result)

    importing = import_file(open_leads(ctx), prepare, _counts, so_far)
    _report(importing, options, max_per_hour=session_of(ctx).settings.max_per_hour, as_json=as_json)


def _options(
    ctx: typer.Context,
    mapped: list[str] | None,
    ignore_unknown: bool,
    opt_out: list[str] | None,
    dates: Order | None,
    encoding: str | None,
    timezone: str | None,
    region: str | None,
    dry_run: bool,
) -> "Options":
    from flowctl.leadfile.headers import Choices, parse_map
    from flowctl.leads_import import Options

    choices = Choices(
        mapped=tuple(parse_map(written) for written in mapped or ()),
        opt_outs=tuple(opt_out or ()),
        ignore_unknown=ignore_unknown,
    )
    return Options(
        choices=choices,
        encoding=encoding,
        order=dates,
        timezone=timezone,
        region=region_of(ctx, region),
        is_dry_run=dry_run,
    )


def _say_layout(importing: "LeadsImport") -> None:
    for header, column in importing.layout.other_names:
        show.say(f"'{header}' is taken as {column}")
    if importing.layout.ignored:
        show.say("left out: " + ", ".join(importing.layout.ignored))
    for warning in importing.warnings:
        show.warn(warning)


def _counts(importing: "LeadsImport") -> Counter[str]:
    result = importing.result
    return Counter(
        imported=result.imported, skipped=result.skipped_rows, rejected=result.rejected_rows
    )


def _so_far(result: "Imported") -> str:
    return f"{plural(result.imported, 'lead')} of this file were imported and stay"


def _report(
    importing: "LeadsImport", options: "Options", *, max_per_hour: int | None, as_json: bool
) -> None:
    result = importing.result
    say_rows(result.skipped, result.skipped_rows, "skipped")
    say_rows(result.rejected, result.rejected_rows, "rejected")
    for zone, rows in result.zones.most_common(5):
        show.warn(f"timezone '{zone}' cannot be read ({plural(rows, 'lead')}): the flow's is used")
    if result.dropped:
        show.warn(f"a trigger of public.leads kept {plural(result.dropped, 'row')} out")
    if as_json:
        show.json_document(_document(result, options))
    else:
        if options.is_dry_run:
            _show_examples(importing)
        _show_result(result, options)
    for warning in pace_warnings(result, max_per_hour):
        show.warn(warning)
    if result.rejects_file is not None:
        show.say(f"rejected rows: {result.rejects_file} (mend them there and import that file)")
    attend_to_rejected(
        result.rejected_rows,
        importing.file.path.name,
        hint="correct what is said above, or in the rejects file",
    )


def _show_examples(importing: "LeadsImport") -> None:
    names = [target.column.name for target in importing.layout.targets]
    names = list(dict.fromkeys([*names, "created_at"]))
    rows = [[example.get(name) for name in names] for example in importing.result.examples]
    show.table(names, rows, empty="no row would be taken")


def _show_result(result: "Imported", options: "Options") -> None:
    would = "would be " if options.is_dry_run else ""
    counts = [f"{plural(result.imported, 'lead')} {would}imported"]
    counts += [f"{number} {word}" for number, word in (
        (result.skipped_rows, "skipped"), (result.rejected_rows, "rejected"),
    ) if number]  # fmt: skip
    if result.suppressed:
        noun = "address" if result.suppressed == 1 else "addresses"
        counts.append(f"{result.suppressed} {noun} {would}suppressed")
    show.line(", ".join(counts))
    total = result.messages.total()
    by_day = f", by day of {result.zone}:" if total else ""
    show.line(f"{plural(total, 'message')} {would}scheduled{by_day}")
    if total:
        show.table(("day", "emails", "texts"), _days(result), empty="")


def _all_days(result: "Imported") -> list[tuple[date, int, int]]:
    return [
        (day, result.messages[day, Channel.EMAIL], result.messages[day, Channel.TEXT])
        for day in sorted({day for day, _ in result.messages})
    ]


def _days(result: "Imported") -> Sequence[tuple[object, int, int]]:
    rows = _all_days(result)
    if len(rows) <= DAYS:
        return rows
    later = rows[DAYS - 1 :]
    return [
        *rows[: DAYS - 1],
        (f"{later[0][0]} to {later[-1][0]}", sum(r[1] for r in later), sum(r[2] for r in later)),
    ]


def pace_warnings(result: "Imported", max_per_hour: int | None) -> list[str]:
    """What keeps the messages of a day from going out on that day."""
    warnings = []
    days = Counter[object]()
    texts = Counter[object]()
    for (day, channel), messages in result.messages.items():
        days[day] += messages
        if channel is Channel.TEXT:
            texts[day] += messages
    fullest, most = max(days.items(), key=lambda item: item[1], default=("", 0))
    if max_per_hour is not None and most > 24 * max_per_hour:
        warnings.append(
            f"the {most} messages of {fullest} take {most / (24 * max_per_hour):.1f} days at "
            f"FLOWCTL_MAX_PER_HOUR={max_per_hour}"
        )
    fullest, most = max(texts.items(), key=lambda item: item[1], default=("", 0))
    if most > TEXTS_A_DAY:
        warnings.append(
            f"the {most} texts of {fullest} take {most / TEXTS_A_DAY:.1f} days from a number that "
            "sends one a second"
        )
    return warnings


def _document(result: "Imported", options: "Options") -> dict[str, object]:
    return {
        "imported": result.imported,
        "skipped": result.skipped_rows,
        "rejected": result.rejected_rows,
        "suppressed": result.suppressed,
        "scheduled": result.messages.total(),
        "unread_timezones": result.zones.total(),
        "rejects_file": result.rejects_file,
        "dry_run": options.is_dry_run,
        "timezone": result.zone,
        "days": [
            {"date": day, "email": emails, "text": texts}
            for day, emails, texts in _all_days(result)
        ],
    }
