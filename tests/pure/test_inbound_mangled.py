"""However a mail was mangled on its way: reading it never raises, and never invents an id."""

import base64
import re
from collections.abc import Callable
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowctl.inbound.mime import LIMIT
from flowctl.inbound.reading import read
from tests.pure.test_inbound import OURS
from tests.support.examples import examples
from tests.support.returned import EXPECTED, SAMPLES, stored_with_us

Mangle = Callable[[bytes], bytes]

NAMES = [one["file"] for one in EXPECTED]
IDS = {one["file"]: stored_with_us(one)[0] for one in EXPECTED}


def _cut(raw: bytes, at: int) -> bytes:
    return raw[: at % (len(raw) + 1)]


def _without_start(raw: bytes, at: int) -> bytes:
    return raw[at % (len(raw) + 1) :]


def _with_noise(raw: bytes, at: int, noise: bytes) -> bytes:
    place = at % (len(raw) + 1)
    return raw[:place] + noise + raw[place + len(noise) :]


def _doubled_lines(raw: bytes, at: int) -> bytes:
    lines = raw.split(b"\n")
    line = at % len(lines)
    return b"\n".join([*lines[: line + 1], *lines[line:]])


def _swapped_lines(raw: bytes, at: int, other: int) -> bytes:
    lines = raw.split(b"\n")
    one, two = at % len(lines), other % len(lines)
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def _encoded_parts(raw: bytes) -> bytes:
    """Every part without parts of its own in base64."""

    def encoded(found: re.Match[bytes]) -> bytes:
        return found[1] + b"\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(found[2])

    return re.sub(
        rb"(?s)(Content-Type: (?:text/plain|message/[^\n]*)[^\n]*)\n\n(.*?)(?=\n--|\Z)",
        encoded,
        raw,
    )


def _refolded(raw: bytes) -> bytes:
    """Every header line folded at each of its spaces."""
    head, empty, body = raw.partition(b"\n\n")
    return re.sub(rb"(?m)(?<=:) |(?<=\S) (?=\S)", b"\n ", head) + empty + body


numbers = st.integers(min_value=0, max_value=20_000)
mangles: st.SearchStrategy[Mangle] = st.one_of(
    numbers.map(lambda at: lambda raw: _cut(raw, at)),
    numbers.map(lambda at: lambda raw: _without_start(raw, at)),
    st.tuples(numbers, st.binary(max_size=40)).map(lambda p: lambda raw: _with_noise(raw, *p)),
    numbers.map(lambda at: lambda raw: _doubled_lines(raw, at)),
    st.tuples(numbers, numbers).map(lambda p: lambda raw: _swapped_lines(raw, *p)),
    st.sampled_from([
        _encoded_parts, _refolded, bytes.upper, bytes.lower,
        lambda raw: raw.replace(b"\n", b"\r"),
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b": ", b" :"),
        lambda raw: raw.replace(b"\n\n", b"\n"),
        lambda raw: raw.replace(b"boundary=", b"boundary*0="),
        lambda raw: raw.replace(b"utf-8", b"unicode_escape"),
        lambda raw: raw.decode("ascii", "replace").encode("utf-16"),
        lambda raw: raw * 3,
    ]),
)  # fmt: skip


@settings(max_examples=examples(100))
@given(name=st.sampled_from(NAMES), how=st.lists(mangles, max_size=4))
def test_no_mangled_mail_raises_or_names_another_message(name: str, how: list[Mangle]) -> None:
    raw = (SAMPLES / name).read_bytes()
    for mangle in how:
        raw = mangle(raw)
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
