"""No command shows a secret, whatever goes wrong and however much it is asked to tell."""

import base64
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import typer

from flowctl import migrate
from flowctl.cli import build_app
from tests.support.cli import child_environ, run_flowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection, connect, short_folder
from tests.support.smtp_moves import USER, Move
from tests.support.smtp_server import SmtpServer
from tests.support.tcp_server import PASSWORD, TcpServer, tcp_server
from tests.support.twilio_answers import ACCOUNT_SID
from tests.support.twilio_server import TwilioServer
from tests.support.waiting import until

MAIL_PASSWORD = "mailQXZJ%@/:#pass"  # noqa: S105 - of nobody
TOKEN = "tokenQXZJKVW"  # noqa: S105 - of nobody
WRONG = "wrongQXZJ@battery"


def encoded(word: str) -> str:
    """The word as HTTP and SMTP carry it."""
    return base64.b64encode(word.encode()).decode()


MARKERS = (
    PASSWORD, quote(PASSWORD, safe=""), "battery", "horse", "QXZJ", encoded(MAIL_PASSWORD),
    encoded(f"\0{USER}\0{MAIL_PASSWORD}"), encoded(f"{ACCOUNT_SID}:{TOKEN}"),
)  # fmt: skip
"""What nobody may see: the secrets, their parts, and the forms that they travel in."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "apply-schema": (),
    "demo": (),
    "dispatch": ("--once",),
    "doctor": (),
    "flows list": (),
    "flows pause": ("default",),
    "flows resume": ("default", "--late", "send"),
    "forecast": (),
    "leads add": ("--email", "bob@example.com"),
    "leads enroll": ("--flow", "default", "--all", "--yes"),
    "leads import": ("{folder}/leads.csv",),
    "leads forget": ("{lead}", "--yes"),
    "leads list": (),
    "leads move": ("{lead}", "--from", "default", "--to", "default"),
    "leads resume": ("{lead}",),
    "leads show": ("{lead}",),
    "leads stop": ("{lead}",),
    "messages cancel": ("--lead", "{lead}", "--yes"),
    "messages list": (),
    "messages prune": ("--older-than", "180d", "--yes"),
    "messages refresh": ("--yes",),
    "messages retry": ("--lead", "{lead}", "--yes"),
    "messages show": ("{message}",),
    "preview": ("{lead}",),
    "reconcile": (),
    "report": ("{folder}/report.html",),
    "status": (),
    "steps export": ("{folder}/exported.toml",),
    "steps history": (),
    "steps list": (),
    "steps sync": ("{folder}/flows.toml", "--dry-run"),
    "steps test": ("welcome", "--to", "ada@example.com"),
    "suppressions add": ("eve@example.com",),
    "suppressions export": (),
    "suppressions import": ("{folder}/leads.csv",),
    "suppressions list": (),
    "suppressions remove": ("mallory@example.com",),
}
"""Every command, with what it needs to get as far as it can."""


def leaves(command: object, path: str = "") -> Iterator[str]:
    """The full names of the commands below one."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path
        return
    for name, inner in below.items():
        yield from leaves(inner, f"{path} {name}".strip())


THERE_ARE = sorted(leaves(typer.main.get_command(build_app())))


@dataclass(frozen=True, slots=True)
class Place:
    """Servers that want secrets, and a database with something to do."""

    server: TcpServer
    environ: dict[str, str]
    words: dict[str, str]

    def run(self, *args: str, **environ: str) -> str:
        """Everything that a command says, told to tell all; it is used right, and has no bug."""
        ran = run_flowctl("--debug", *args, env={**self.environ, **environ})
        assert ran.exit_code not in {2, 70}, ran.stderr
        return ran.stdout + ran.stderr

    def connect(self) -> Connection:
        """A connection to the database."""
        return connect(self.environ["DATABASE_URL"])

    def add_due(self, email: str) -> None:
        """A lead whose messages are due, also where a command before this has paused its flow."""
        with self.connect() as conn:
            conn.execute("update flows set paused_at = null")
            a_lead(conn, email=email)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with (
        short_folder() as folder,
        tcp_server(folder) as server,
        SmtpServer(password="another") as mail,  # noqa: S106 - of nobody
        TwilioServer() as twilio,
        connect(server.url("127.0.0.1")) as conn,
    ):
        migrate.apply(conn)
        step = a_step(conn, key="welcome")
        a_step(conn, key="hello", type="text")
        lead = a_lead(conn)
        ((message,),) = conn.execute(
            "select id from message_logs where flow_step_id = %s", (step,)
        ).fetchall()
        (folder / "flows.toml").write_text(
            '[[steps]]\nkey = "welcome"\ntype = "email"\nsubject = "Hi"\ncontent = "x"\n', "utf-8"
        )
        (folder / "leads.csv").write_text("email\ncarol@example.com\n", "utf-8")
        login = f"{quote(USER)}:{quote(MAIL_PASSWORD, safe='')}"
        environ = {
            "DATABASE_URL": server.url("127.0.0.1"),
            "SMTP_URL": f"smtp://{login}@127.0.0.1:{mail.port}",
            "EMAIL_FROM": "news@acme.io",
            **twilio.environ,
            "TWILIO_AUTH_TOKEN": TOKEN,
        }
        words = {"folder": str(folder), "lead": str(lead), "message": str(message)}
        yield Place(server, environ, words)


def shown(text: str) -> list[str]:
    """The markers in a text."""
    return [marker for marker in MARKERS if marker in text]


def test_every_command_is_among_them() -> None:
    assert set(THERE_ARE) <= set(COMMANDS)


@pytest.mark.parametrize("name", THERE_ARE)
def test_no_command_shows_a_secret(place: Place, name: str) -> None:
    args = [*name.split(), *(word.format(**place.words) for word in COMMANDS[name])]
    assert not shown(place.run(*args))
    wrong = place.server.url("127.0.0.1", password=WRONG)
    assert not shown(place.run(*args, DATABASE_URL=wrong))
    with place.connect() as conn:
        said = messages(conn, "error_message", "content", "subject", "provider_id")
        queries = conn.execute("select query, application_name from pg_stat_activity").fetchall()
    assert not shown(f"{said} {queries}")


def test_the_providers_refuse_with_the_secret_and_it_stays_out(place: Place) -> None:
    """The sweep would prove nothing if no server had ever been given the passwords."""
    place.add_due("dora@example.com")
    said = place.run("dispatch", "--once", "--json")
    assert "535" in said
    assert "20003" in said
    assert not shown(said)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", f"postgresql://ada:{WRONG}/x%zz@127.0.0.1:1/crm"),
        ("DATABASE_URL", f"host=127.0.0.1 port=1 password={WRONG} {WRONG}"),
        ("SMTP_URL", f"smtps://ada:%zz{WRONG}@127.0.0.1"),
        ("SMTP_URL", f"smtp://ada:{WRONG}@smtp.example.com?starttls=never"),
        ("TWILIO_AUTH_TOKEN", f"{WRONG}\n"),
        ("TWILIO_AUTH_TOKEN", f"{WRONG}é"),
        ("EMAIL_HEADERS", f'{{"X-Key": "{WRONG}'),
        ("EMAIL_HEADERS", f"X-Key: {WRONG}{{"),
    ],
)
@pytest.mark.parametrize("command", ["doctor", "status"])
def test_no_malformed_setting_is_shown(
    place: Place, command: str, variable: str, value: str
) -> None:
    assert not shown(place.run(command, **{variable: value}))


def test_a_crash_shows_no_secret(place: Place) -> None:
    program = (
        "import sys; from flowctl.cli import main; "
        "sys.exit(main(sys.argv[1:], ['tests.cli.secrets_at_hand']))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, "--debug", "crash"],
        env=child_environ(place.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 70
    assert "RuntimeError" in ran.stderr
    assert not shown(ran.stdout + ran.stderr)


def arguments_of_all() -> Iterator[bytes]:
    """The command line of every process that is still there when it is looked at."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield path.read_bytes()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc")
def test_no_process_has_a_secret_among_its_arguments(place: Place) -> None:
    with SmtpServer() as mail:
        mail.script(Move("connect", ending="hang"))
        place.add_due("frank@example.com")
        url = f"smtp://{quote(USER)}:{quote(MAIL_PASSWORD, safe='')}@127.0.0.1:{mail.port}"
        process = subprocess.Popen(
            [sys.executable, "-m", "flowctl", "dispatch", "--once"],
            env=child_environ({**place.environ, "SMTP_URL": url}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with process:
            try:
                until(lambda: mail.connections > 0)
                arguments = list(arguments_of_all())
            finally:
                process.kill()
    assert any(b"dispatch" in words for words in arguments)
    assert not shown(b"\n".join(arguments).decode("utf-8", "replace"))
