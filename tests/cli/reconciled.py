"""Runs of ``flowctl reconcile`` at Twilio."""

from tests.support.cli import Ran, RunFlowctl
from tests.support.postgres import Connection
from tests.support.twilio_server import TwilioServer

ADA = "+14155550123"


def reconcile(flowctl: RunFlowctl, twilio: TwilioServer, *options: str) -> Ran:
    ran = flowctl("reconcile", "--json", *options, env=twilio.environ)
    assert (ran.exit_code, ran.stderr) == (0, "")
    return ran


def suppressions(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute("select address, source, reason from suppressions order by 1").fetchall()
