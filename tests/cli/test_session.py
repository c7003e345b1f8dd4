"""Which database a command works on, and where its settings come from."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import typer

from flowctl.cli.session import Session, attach_database, open_database
from flowctl.embedded import EmbeddedServer
from flowctl.errors import DatabaseUnavailable, InputError


def context(environ: dict[str, str], env_file: Path | None = None) -> typer.Context:
    """The context of a command that runs with this environment."""
    command = typer.main.get_command(typer.Typer(callback=lambda: None))
    return typer.Context(command, obj=Session(environ, env_file=env_file))


def variables_of(url: str) -> dict[str, str]:
    """The same database in libpq's variables."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return {
        "PGHOST": query["host"][0],
        "PGPORT": query["port"][0],
        "PGUSER": parts.username or "",
        "PGDATABASE": parts.path.removeprefix("/"),
    }


def name_of_database(ctx: typer.Context) -> object:
    with open_database(ctx, check_schema=False) as connection:
        row = connection.execute("select current_database()").fetchone()
    assert row is not None
    return row[0]


def test_database_url_is_used_without_a_word(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = variables_of(database)["PGDATABASE"]
    assert name_of_database(context({"DATABASE_URL": database})) == expected
    assert capsys.readouterr() == ("", "")


def test_libpq_variables_are_used_and_named(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = variables_of(database)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert name_of_database(context(variables)) == variables["PGDATABASE"]
    err = capsys.readouterr().err
    assert err.startswith(f"using the database of PGHOST={variables['PGHOST']} ")
    assert f"PGDATABASE={variables['PGDATABASE']}" in err


def test_database_url_wins_over_libpq_variables(database: str) -> None:
    environ = {"DATABASE_URL": database, "PGDATABASE": "another"}
    assert name_of_database(context(environ)) == variables_of(database)["PGDATABASE"]


def test_libpq_variables_may_stand_in_the_env_file(database: str, tmp_path: Path) -> None:
    variables = variables_of(database)
    file = tmp_path / "flowctl.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), "utf-8")
    assert name_of_database(context({}, file)) == variables["PGDATABASE"]


def test_the_environment_wins_over_the_env_file(database: str, tmp_path: Path) -> None:
    file = tmp_path / "flowctl.env"
    file.write_text("DATABASE_URL=postgresql://nobody@127.0.0.1:1/nothing\n", "utf-8")
    environ = {"DATABASE_URL": database}
    assert name_of_database(context(environ, file)) == variables_of(database)["PGDATABASE"]


def test_an_env_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    ctx = context({}, tmp_path / "missing.env")
    with pytest.raises(InputError, match=r"missing\.env"), attach_database(ctx):
        pass


def test_without_any_database_nothing_is_made(data_dir: Path) -> None:
    ctx = context({"FLOWCTL_DATA_DIR": str(data_dir)})
    with pytest.raises(InputError) as caught, attach_database(ctx):
        pass
    assert "DATABASE_URL" in caught.value.hint
    assert not data_dir.exists()


def test_the_embedded_server_is_made_where_that_is_allowed(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ctx = context({"FLOWCTL_DATA_DIR": str(data_dir)})
    with attach_database(ctx, create=True):
        assert EmbeddedServer(data_dir, environ={}).exists()
    assert capsys.readouterr().err == f"using the embedded database in {data_dir}\n"
    assert name_of_database(ctx) == "flowctl"


def test_an_empty_variable_names_no_database(data_dir: Path) -> None:
    environ = {"DATABASE_URL": "", "PGHOST": "", "FLOWCTL_DATA_DIR": str(data_dir)}
    with pytest.raises(InputError), attach_database(context(environ)):
        pass


def test_a_server_that_is_not_there_is_an_error() -> None:
    ctx = context({"DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/crm"})
    with pytest.raises(DatabaseUnavailable) as caught, open_database(ctx):
        pass
    assert "secret" not in str(caught.value) + caught.value.hint


def test_a_failed_statement_is_an_error_of_ours(database: str) -> None:
    with (
        pytest.raises(InputError, match="division by zero"),
        open_database(context({"DATABASE_URL": database})) as connection,
    ):
        connection.execute("select 1 / 0")
