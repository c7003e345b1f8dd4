"""Delimited files, read back row by row."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.errors import InputError
from flowctl.leadfile import encoding
from flowctl.leadfile.cells import INVISIBLE
from flowctl.leadfile.reading import Row, open_file

HEADER = ["email", "first name", "note"]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252")
NOT_TEXT = "\x00\r\n"
CELL = st.text(
    st.characters(codec="utf-8", exclude_characters=NOT_TEXT) | st.just("\n"),
    max_size=12,
)


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def rows_of(path: Path, wanted: str | None = None) -> list[tuple[int, list[str]]]:
    return [(row.line, row.cells) for row in open_file(path, wanted).rows()]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reading") / "leads.csv"


@given(
    table=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=4),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    name=st.sampled_from(ENCODINGS),
)
def test_what_was_written_is_read(
    *, path: Path, table: list[list[str]], delimiter: str, quoting: int, line_end: str, name: str
) -> None:
    """Any table in any dialect, encoding and line end comes back; but for rows of nothing."""
    # what quotes a cell is the line end of its file
    table = [[cell.replace("\n", line_end) for cell in row] for row in table]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end)  # type: ignore[arg-type]
    writer.writerow(HEADER)
    writer.writerows(table)
    try:
        data = text.getvalue().encode(name)
    except UnicodeEncodeError:
        return
    write(path, data)
    file = open_file(path, name if name == "cp1252" else None)
    assert list(file.header) == HEADER
    assert file.delimiter == delimiter
    expected = [row for row in table if "".join(row).strip(INVISIBLE)]
    assert [row.cells for row in file.rows()] == expected
    assert [row.fault for row in file.rows()] == [None] * len(expected)


@given(data=st.binary(max_size=200), header=st.sampled_from([b"email\n", b"email,note\r\n", b""]))
def test_any_bytes_are_read_or_refused_by_name(path: Path, data: bytes, header: bytes) -> None:
    write(path, header + data)
    try:
        rows = list(open_file(path, None).rows())
    except InputError as error:
        refused = error.message
        rows = []
    else:
        refused = "leads.csv"
    assert refused.startswith("leads.csv")
    assert all(isinstance(row, Row) for row in rows)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    text = '\n\nemail,note\na@b.co,"x\ny\n\nz"\n,\nc@d.co,"1"\r\n"e@f.co",2\r'
    assert rows_of(write(tmp_path / "a.csv", text)) == [
        (4, ["a@b.co", "x\ny\n\nz"]), (9, ["c@d.co", "1"]), (10, ["e@f.co", "2"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "delimiter", "header"),
    [
        ("email\nx", ",", ["email"]),
        ("email;name\nx;y", ";", ["email", "name"]),
        ("email;name, first\nx;y", ";", ["email", "name, first"]),
        ('"a,b,c";email\nx;y', ";", ["a,b,c", "email"]),
        ("email|name\nx|y", "|", ["email", "name"]),
        ("sep=;\nemail;name\nx;y", ";", ["email", "name"]),
        ('"sep=|"\r\nemail|name\r\nx|y', "|", ["email", "name"]),
        ("SEP=\t\nemail\tname\nx\ty", "\t", ["email", "name"]),
        ('"two\nlines",email\nx,y', ",", ["two\nlines", "email"]),
        ('"email", "name"\n"x", "y, z"', ",", ["email", "name"]),
        (",,\nemail,,\nx,,", ",", ["email", "", ""]),
    ],
)
def test_delimiters(tmp_path: Path, text: str, delimiter: str, header: list[str]) -> None:
    file = open_file(write(tmp_path / "a.csv", text), None)
    assert (file.delimiter, list(file.header)) == (delimiter, header)
    (row,) = file.rows()
    assert row.cells[0] == "x"
    assert len(row.cells) == len(header)


def test_a_backslash_and_a_dot_are_data(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "email\n\\.\nx@y.co\n")
    assert rows_of(path) == [(2, ["\\."]), (3, ["x@y.co"])]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('email,note\na@b.co,"x\nc@d.co,y\n', 2),
        ('email,note\na@b.co,"x"\nc@d.co,"y\nz\n', 3),
        ('email,note\n"a@b.co\n","x\n', 3),
        ('email,note\na@b.co,"x\nc@d.co,"y"\ne@f.co,z\n', 2),
    ],
)
def test_a_quote_that_is_not_closed_names_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(InputError, match=rf"a\.csv, line {line}: a quote that opens here"):
        rows_of(path)


def test_a_quote_that_is_not_doubled_is_a_fault_of_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'email,note\na@b.co,"a "b" c"\nc@d.co,x\n')
    first, second = open_file(path, None).rows()
    assert (first.line, first.fault is None, second.fault) == (2, False, None)
    assert second.cells == ["c@d.co", "x"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        (b'"email\n', "line 1: a quote in the header is not closed"),
        (b"email\nok\n\xe9t\xe9\n", "line 3: not UTF-8"),
        (b"email\rok\r\xe9t\xe9\r", "line 3: not UTF-8"),
        ("email\nok\n".encode("utf-16") + b"\x00", "line 3: not UTF-16-LE"),
        (b'email\n"' + b"x" * 1_000_001 + b'"\n', "line 2: a cell of more than"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, data: bytes, words: str) -> None:
    path = write(tmp_path / "a.csv", data)
    with pytest.raises(InputError, match=r"a\.csv") as raised:
        rows_of(path)
    assert words in raised.value.message


def test_a_mark_wins_over_the_option(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "email\né@b.co\n".encode("utf-8-sig"))
    assert rows_of(path, "cp1252") == [(2, ["é@b.co"])]


def test_a_zero_byte_is_a_fault_of_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"email\n" + b"x" * 100 + b"\na\x00b\n")
    assert [row.fault for row in open_file(path, None).rows()] == [
        None, "holds a NUL character, which no database can store",
    ]  # fmt: skip


def test_the_same_encoding_is_found_whatever_it_is_called() -> None:
    assert encoding.detect(Path(__file__), "latin1") == encoding.detect(
        Path(__file__), "ISO-8859-1"
    )
