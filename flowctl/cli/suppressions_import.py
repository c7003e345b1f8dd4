"""``flowctl suppressions import`` and ``export``: lists of opt-outs from and for other systems."""

from collections import Counter
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
from flowctl.cli.session import open_database
from flowctl.model import Channel

if TYPE_CHECKING:
    from flowctl.suppressions_import import Imported, SuppressionsImport


def import_suppressions(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    *,
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="HEADER=WHAT",
            help="WHAT is address, email, phone, reason or created_at; none leaves HEADER out.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEADER=VALUE",
            help="Only such rows; values of one header are alternatives, headers must all match.",
            show_default=False,
        ),
    ] = None,
    channel: Annotated[
        Channel | None,
        typer.Option(help="Take the emails or the phones; else emails.", show_default=False),
    ] = None,
    dates: Dates = None,
    encoding: Encoding = None,
    region: Region = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Suppress the addresses of a CSV file.

    Takes the lists of Mailchimp, Brevo, HubSpot, listmonk and others as they come; one column
    with addresses is enough.

    Example: flowctl suppressions import contacts.csv --where 'status=blocklisted'
    """
    from flowctl import suppressions_import
    from flowctl.leadfile.headers import parse_map
    from flowctl.leadfile.optout_files import parse_where

    options = suppressions_import.Options(
        mapped=tuple(parse_map(written) for written in mapped or ()),
        where=tuple(parse_where(written) for written in where or ()),
        channel=channel,
        encoding=encoding,
        order=dates,
        region=region_of(ctx, region),
        is_dry_run=dry_run,
    )

    def so_far(importing: "SuppressionsImport") -> str | None:
        return None if dry_run else _so_far(importing.result)

    importing = import_file(
        open_database(ctx),
        lambda connection: suppressions_import.prepare(connection, file, options),
        _counts,
        so_far,
    )
    _report(importing.result, file, dry_run=dry_run, as_json=as_json)


def export_suppressions(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Else on stdout.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    as_json: Json = False,
) -> None:
    """Write the suppressed addresses as CSV.

    `suppressions import` takes such a file.

    Example: flowctl suppressions export suppressions.csv
    """
    from flowctl import suppressions_import
    from flowctl.cli.files import check_free, export

    if file is not None:
        check_free(file, force=force)
    with open_database(ctx) as connection:
        lines = list(suppressions_import.export(connection))
    counts = {"rows": len(lines) - 1}
    export(file, "".join(lines), counts, force=force, as_json=as_json)


def _counts(importing: "SuppressionsImport") -> Counter[str]:
    result = importing.result
    return Counter(read=result.added + result.already + result.left_out + result.rejected_rows)


def _so_far(result: "Imported") -> str:
    return f"{result.added} addresses of this file were suppressed and stay so"


def _report(result: "Imported", file: Path, *, dry_run: bool, as_json: bool) -> None:
    say_rows(result.rejected, result.rejected_rows, "rejected")
    if result.undated:
        show.warn(f"{result.undated} times cannot be read: these addresses count as of now")
    if as_json:
        show.json_document(
            {
                "added": result.added,
                "already": result.already,
                "rejected": result.rejected_rows,
                "stopped": result.stopped,
                "left_out": result.left_out,
                "dry_run": dry_run,
            }
        )
    else:
        would = "would be " if dry_run else ""
        show.line(
            f"{result.added} {would}suppressed, {result.already} were already, "
            f"{result.rejected_rows} rejected, {result.left_out} rows left out"
        )
        show.line(f"{result.stopped} pending messages will not go out")
    attend_to_rejected(
        result.rejected_rows, file.name, "correct what is said above, and import the file again"
    )
