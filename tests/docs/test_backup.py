"""docs/backup.md does what it says, with PostgreSQL's own programs."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from psycopg import sql

from flowctl.embedded.binaries import find_binaries
from tests.docs.console import examples, run
from tests.docs.readme import ROOT
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection, Postgres, connect
from tests.support.twilio_server import TwilioServer

PAGE = "docs/backup.md"


def test_the_commands_of_the_page(
    tmp_path: Path, database: str, empty_database: str, conn: Connection, postgres: Postgres
) -> None:
    a_step(conn, key="welcome")
    a_lead(conn)
    conn.execute(
        "insert into message_logs (lead_id, message_type, content, status, scheduled_for, sent_at)"
        " select id, 'text', 'Hi', 'sent', now(), now() from leads"
    )
    conn.close()
    name = urlsplit(database).path[1:]
    programs = [Path(sys.executable).parent, find_binaries(os.environ).folder, os.environ["PATH"]]
    with TwilioServer() as twilio, connect(postgres.url("postgres")) as admin:
        environ = {
            "PATH": os.pathsep.join(map(str, programs)),
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": database,
            "RESTORED_URL": empty_database,
            "STAGING_URL": postgres.url("staging"),
            "ADMIN_URL": postgres.url("postgres"),
            "NAME": name,
            "SMTP_URL": "smtp://localhost",
            "EMAIL_FROM": "us@example.com",
            **twilio.environ,
        }
        try:
            for example in examples((ROOT / PAGE).read_text("utf-8")):
                output, status = run(example, tmp_path, environ)
                assert example.matches(output, status), (
                    f"{PAGE}:{example.line}: $ {example.command}\n{output}\nexit {status}"
                )
        finally:
            admin.execute(sql.SQL("drop database if exists staging with (force)"))
