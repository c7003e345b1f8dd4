"""However a mail was mangled on its way: reading it never raises, and never invents an id."""

from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowctl.inbound.mime import LIMIT
from flowctl.inbound.reading import read
from tests.support.examples import examples
from tests.support.inbound import OURS
from tests.support.mangling import Mangle, mangled
from tests.support.returned import EXPECTED, SAMPLES, stored_with_us

NAMES = [one["file"] for one in EXPECTED]
IDS = {one["file"]: stored_with_us(one)[0] for one in EXPECTED}


@settings(max_examples=examples(100))
@given(name=st.sampled_from(NAMES), mangle=mangled)
def test_no_mangled_mail_raises_or_names_another_message(name: str, mangle: Mangle) -> None:
    raw = mangle((SAMPLES / name).read_bytes())
    mail = read(raw, OURS)
    known = {str(IDS[name])}
    # noise may change a digit; what is found stands there all the same
    text = raw.decode("latin-1").lower()
    for found in mail.message_ids:
        assert str(found) in known or _stands_in(found, text)


def _stands_in(found: UUID, text: str) -> bool:
    return str(found) in text or not text.isascii()


@settings(max_examples=examples(50))
@given(raw=st.binary(max_size=2000))
@example(raw=b"")
@example(raw=b"\n" * 1000)
@example(raw=b"Content-Type: multipart/report; boundary=\n\n--\n--\n")
@example(raw=b"From: \xff\xfe\nSubject: =?x?q?=ff?= =?utf-8?b?=?=\n\nx")
@example(raw=b"Content-Type: \xff/\xff; charset=\xff; boundary*=x''%\n\nx")
@example(raw=b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n\x00=")
def test_no_mail_raises(raw: bytes) -> None:
    read(raw, OURS)


def test_of_a_mail_of_100_mb_the_beginning_is_read() -> None:
    raw = (SAMPLES / "postfix-unknown.eml").read_bytes()
    mail = read(raw + b"x" * (100 * LIMIT), OURS)
    assert mail.message_ids == (IDS["postfix-unknown.eml"],)
    assert read(b"x" * LIMIT, OURS).message_ids == ()
    assert read(b"Subject: " + b"x@" * LIMIT, OURS).message_ids == ()


def test_a_thousand_nested_parts_are_no_mail() -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth)
        for depth in range(1000)
    )
    assert read(nested, OURS).message_ids == ()
