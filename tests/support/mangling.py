"""Mails as they come out of broken gateways, filters and archives."""

import base64
import re
from collections.abc import Callable

from hypothesis import strategies as st

Mangle = Callable[[bytes], bytes]


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


def _swapped_parts(raw: bytes) -> bytes:
    """The parts in the opposite order."""
    found = re.search(rb"boundary=\"?([^\"\s;]+)", raw)
    if found is None:
        return raw
    first, *parts = raw.split(b"--" + found[1] + b"\n")
    last, end, rest = parts[-1].partition(b"--" + found[1] + b"--") if parts else (b"", b"", b"")
    return (b"--" + found[1] + b"\n").join([first, last, *reversed(parts[:-1])]) + end + rest


def _doubled_headers(raw: bytes) -> bytes:
    """Every header field twice."""
    head, empty, body = raw.partition(b"\n\n")
    fields = re.split(rb"\n(?![ \t])", head)
    return b"\n".join(one for field in fields for one in (field, field)) + empty + body


numbers = st.integers(min_value=0, max_value=20_000)
MANGLES: st.SearchStrategy[Mangle] = st.one_of(
    numbers.map(lambda at: lambda raw: _cut(raw, at)),
    numbers.map(lambda at: lambda raw: _without_start(raw, at)),
    st.tuples(numbers, st.binary(max_size=40)).map(lambda p: lambda raw: _with_noise(raw, *p)),
    numbers.map(lambda at: lambda raw: _doubled_lines(raw, at)),
    st.tuples(numbers, numbers).map(lambda p: lambda raw: _swapped_lines(raw, *p)),
    st.sampled_from([
        _encoded_parts, _refolded, _swapped_parts, _doubled_headers, bytes.upper, bytes.lower,
        lambda raw: raw.replace(b"\n", b"\r"),
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b": ", b" :"),
        lambda raw: raw.replace(b"\n\n", b"\n"),
        lambda raw: raw.replace(b"boundary=", b"boundary*0="),
        lambda raw: raw.replace(b"utf-8", b"unicode_escape"),
        lambda raw: raw.decode("ascii", "replace").encode("utf-16"),
        lambda raw: raw.replace(b"e", "é".encode("latin-1")),
        lambda raw: raw.replace(b"=", b"=3D"),
        lambda raw: raw * 3,
    ]),
)  # fmt: skip

mangled: st.SearchStrategy[Mangle] = st.lists(MANGLES, max_size=4).map(
    lambda how: lambda raw: _all(raw, how)
)
"""Up to four of these, one after another."""


def _all(raw: bytes, how: list[Mangle]) -> bytes:
    for mangle in how:
        raw = mangle(raw)
    return raw
