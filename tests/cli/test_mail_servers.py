"""``flowctl dispatch`` against mail servers as they are: their limits, and their very words."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.cli import Ran, RunFlowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.smtp_moves import Move
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until

Serve = Callable[..., SmtpServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(SmtpServer(**options))


@pytest.fixture
def dispatch(flowctl: RunFlowctl) -> Callable[..., Ran]:
    def run(server: SmtpServer, *args: str, query: str = "") -> Ran:
        environ = {"SMTP_URL": server.url(query), "EMAIL_FROM": "Us <us@example.com>"}
        return flowctl("dispatch", "--once", "--json", *args, env=environ)

    return run


Dispatch = Callable[..., Ran]


def leads(conn: Connection, count: int) -> None:
    """A due email for each of so many leads."""
    a_step(conn)
    conn.execute(
        "insert into leads (email) select format('lead-%%s@host%%s.example', n, n) "
        "from generate_series(1, %s) as n",
        (count,),
    )


def statuses(conn: Connection) -> Counter[tuple[Any, ...]]:
    """How many messages are in each status, after how many attempts."""
    return Counter(messages(conn, "status", "attempts"))


REFUSED_US = {
    "postfix, sender": "550 5.1.8 <us@example.com>: Sender address rejected: Domain not found",
    "postfix, sender for now": "450 4.1.8 <us@example.com>: Sender address rejected: Domain not "
    "found",
    "postfix, sender's mailbox": "550 5.1.0 <us@example.com>: Sender address rejected: User "
    "unknown in local recipient table",
    "sendmail, sender": "553 5.1.8 <us@example.com>... Domain of sender address us@example.com "
    "does not exist",
    "postfix, relay": "454 4.7.1 <{recipient}>: Relay access denied",
    "exim, relay": "550 relay not permitted",
    "exchange, relay": "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    "qmail, relay": "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "exim, login": "550 SMTP AUTH is required for message submission on port 587",
}


@pytest.mark.parametrize("reply", REFUSED_US.values(), ids=REFUSED_US)
def test_a_server_that_refuses_us_stops_the_channel_and_fails_nobody(
    conn: Connection, dispatch: Dispatch, serve: Serve, reply: str
) -> None:
    leads(conn, 20)
    smtp = serve()
    smtp.script(Move("rcpt", reply, is_rule=True))

    ran = dispatch(smtp)

    assert ran.exit_code == 6
    assert (ran.json()["failed"], ran.json()["retrying"]) == (0, 0)
    assert statuses(conn) == {("pending", 0): 20}


@pytest.mark.parametrize("query", ["", "?mails=1000"])
def test_more_mails_than_a_connection_takes(
    conn: Connection, dispatch: Dispatch, serve: Serve, query: str
) -> None:
    leads(conn, 250)

    ran = dispatch(serve(most_mails=100), "--concurrency=2", query=query)

    assert (ran.exit_code, ran.json()["sent"]) == (0, 250)
    assert statuses(conn) == {("sent", 1): 250}


def test_more_connections_than_a_server_takes(
    conn: Connection, dispatch: Dispatch, serve: Serve
) -> None:
    leads(conn, 300)

    ran = dispatch(serve(most_connections=4))

    assert (ran.exit_code, ran.json()["sent"]) == (0, 300)
    assert statuses(conn) == {("sent", 1): 300}


def test_no_connection_at_all_costs_no_attempt(
    conn: Connection, dispatch: Dispatch, serve: Serve
) -> None:
    leads(conn, 30)

    ran = dispatch(serve(most_connections=0))

    assert ran.exit_code == 6
    assert statuses(conn) == {("pending", 0): 30}


@pytest.mark.parametrize("extensions", [(), ("SIZE 4000",)])
def test_a_message_that_is_too_big_fails_alone(
    conn: Connection, dispatch: Dispatch, serve: Serve, extensions: tuple[str, ...]
) -> None:
    a_step(conn, content="{% if first_name == 'Big' %}" + "long " * 1000 + "{% endif %}Hello")
    for number in range(12):
        name = "Big" if number < 8 else "Ada"
        a_lead(conn, first_name=name, email=f"{name}-{number}@example.com")
    smtp = serve(extensions=extensions)
    if not extensions:
        for number in range(8):
            big = f"Big-{number}@example.com"
            smtp.script(Move("dot", "534 SIZE=Message too big.", recipient=big))

    ran = dispatch(smtp)

    assert (ran.exit_code, ran.json()["sent"], ran.json()["failed"]) == (0, 4, 8)


def test_five_different_recipients_refused_alike_stop_the_channel(
    conn: Connection, dispatch: Dispatch, serve: Serve
) -> None:
    leads(conn, 50)
    smtp = serve()
    smtp.script(Move("rcpt", "550 Invalid recipient: <{recipient}>", is_rule=True))

    ran = dispatch(smtp, "--concurrency=1")

    assert ran.exit_code == 6
    assert "5 recipients were refused alike" in ran.stderr
    assert statuses(conn) == {("failed", 1): 5, ("pending", 0): 45}
    assert conn.execute("select from suppressions").rowcount == 0


@pytest.mark.parametrize("good_is_first", [True, False])
@pytest.mark.parametrize(
    "reply",
    [
        "550 Unrouteable address",
        "550 User <{recipient}> unknown",
        "550 No such user",
        "550 5.1.1 <{recipient}>: Recipient address rejected: User unknown",
        "553 sorry, no mailbox here by that name (#5.1.1)",
    ],
)
def test_a_mailbox_that_does_not_exist_is_suppressed(
    conn: Connection, dispatch: Dispatch, serve: Serve, reply: str, *, good_is_first: bool
) -> None:
    a_step(conn)
    a_step(conn, day=1)
    for email in sorted(("gone@example.com", "here@example.com"), reverse=good_is_first):
        a_lead(conn, email=email)
    smtp = serve()
    smtp.script(Move("rcpt", reply, recipient="gone@example.com"))

    ran = dispatch(smtp, "--concurrency=1")

    assert (ran.exit_code, ran.json()["sent"], ran.json()["failed"]) == (0, 1, 1)
    assert conn.execute("select address, source from suppressions").fetchall() == [
        ("gone@example.com", "provider")
    ]
    assert Counter(messages(conn, "status")) == {
        ("sent",): 1, ("failed",): 1, ("cancelled",): 1, ("pending",): 1,
    }  # fmt: skip


def test_words_alone_suppress_nobody_where_nothing_was_accepted(
    conn: Connection, dispatch: Dispatch, serve: Serve
) -> None:
    leads(conn, 3)
    smtp = serve()
    smtp.script(Move("rcpt", "550 No such user", is_rule=True))

    ran = dispatch(smtp)

    assert (ran.exit_code, ran.json()["failed"]) == (0, 3)
    assert conn.execute("select from suppressions").rowcount == 0


def test_a_server_that_answers_late_is_waited_for(
    conn: Connection, dispatch: Dispatch, serve: Serve
) -> None:
    """The lease is over several times before the answer comes; nobody else takes the message."""
    leads(conn, 1)
    smtp = serve()
    smtp.script(Move("dot", ending="wait", accept=True))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(dispatch, smtp, "--lease=1s")
        until(lambda: len(smtp.mails) == 1)
        began = "select from flowctl.sends where now() > begun_at + interval '2 seconds'"
        until(lambda: conn.execute(began).rowcount == 1)
        second = dispatch(smtp, "--lease=1s")
        smtp.release()

    assert (second.exit_code, second.json()["sent"], second.json()["failed"]) == (0, 0, 0)
    assert first.result().json()["sent"] == 1
    assert statuses(conn) == {("sent", 1): 1}
    assert len(smtp.mails) == 1
