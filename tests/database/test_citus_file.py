"""sql/citus.sql as far as a server without Citus takes it: refused whole, and well-formed."""

from flowctl import migrate
from flowctl.database import sql_root
from flowctl.scripts import scripts, significant, statements
from tests.support.catalog import schema_text
from tests.support.cli import RunFlowctl
from tests.support.postgres import Connection

FILE = (sql_root() / "citus.sql").read_text("utf-8")


def test_without_the_extension_it_is_refused_and_nothing_is_changed(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    before = schema_text(conn)
    refused = flowctl("apply-schema", "--citus")
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert refused.stderr == (
        "error: this database has no extension citus\n"
        "hint: on every node: create extension citus; then citus_add_node on the coordinator\n"
    )
    assert schema_text(conn) == before
    assert flowctl("apply-schema", "--check").exit_code == 0
    assert flowctl("apply-schema", "--check", "--citus").exit_code == 1


def test_a_dry_run_prints_what_would_run(flowctl: RunFlowctl) -> None:
    printed = flowctl("apply-schema", "--citus", "--dry-run")
    assert printed.exit_code == 0
    assert FILE.strip() in printed.stdout


def test_its_statements_are_well_formed(conn: Connection) -> None:
    with conn.transaction(force_rollback=True):
        for statement in statements(FILE):
            if significant(statement).startswith("do "):
                # parsed, not run
                body = statement[statement.index("$$") :]
                conn.execute(
                    b"create or replace function pg_temp.block() returns void language plpgsql as "
                    + body.encode()
                )
            else:
                conn.execute(statement.encode())


def test_a_text_is_cut_into_its_statements() -> None:
    whole = migrate.text_of(scripts(is_distributed=True))
    pieces = statements(whole)
    assert significant("".join(pieces)) == significant(whole)
    assert statements("select ';' -- ;\n; do $a$ ; $a$;") == [
        "select ';' -- ;\n;",
        " do $a$ ; $a$;",
    ]
