"""What a lead or a provider says, however strange, concerns the one message and holds up nobody."""

import pytest

from flowctl.model import Outcome, OutcomeKind
from tests.support.dispatching import ACCEPTED, dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection


@pytest.mark.parametrize("name", ["a%00b", "%ED%A0%80"], ids=["zero byte", "half a pair"])
def test_a_lead_whose_data_decodes_to_no_text(database: str, conn: Connection, name: str) -> None:
    a_step(conn, content="Hello {{ first_name | url_decode }}")
    a_lead(conn, first_name=name)
    a_lead(conn)
    ran = dispatch_once(database)
    assert ran.totals.sent + ran.totals.failed == 2
    assert [m.text for m in ran.taken if "Ada" in m.text] == ["Hello Ada"]
    assert {m[0] for m in messages(conn, "status")} <= {"sent", "failed"}


@pytest.mark.parametrize("kind", [OutcomeKind.REFUSED, OutcomeKind.DEFERRED, OutcomeKind.UNKNOWN])
@pytest.mark.parametrize("words", ["\ud800", "\x00", "\udfff\r\n\x1b[31m", "%s %(now)s"])
def test_a_provider_whose_words_are_no_text(
    database: str, conn: Connection, words: str, kind: OutcomeKind
) -> None:
    a_step(conn)
    a_lead(conn)
    a_lead(conn, first_name="Bob")
    odd = Outcome(kind, code=words, detail=words)
    ran = dispatch_once(database, answer=lambda m: ACCEPTED if "Bob" in m.text else odd)
    assert ran.totals.sent == 1
    assert ran.totals.failed + ran.totals.retrying == 1
