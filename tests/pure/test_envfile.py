"""The env file, as shells write it."""

import os
from pathlib import Path

import pytest

from flowctl.errors import InputError
from flowctl.settings import read_env_file
from tests.support.users import no_longer_root


def test_an_env_file_is_read_as_shells_write_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "\ufeff# a comment\n"
        "PLAIN=value # and a comment\n"
        "  export SPACED = two words  \r\n"
        "EMPTY=\n"
        "HASH=a#b\n"
        "SINGLE='it is $HOME # \\n' # comment\n"
        'DOUBLE="a\\nb \\"c\\" \\\\ # d"\n',
        encoding="utf-8",
    )

    assert read_env_file(path) == {
        "PLAIN": "value",
        "SPACED": "two words",
        "EMPTY": "",
        "HASH": "a#b",
        "SINGLE": "it is $HOME # \\n",
        "DOUBLE": 'a\nb "c" \\ # d',
    }


@pytest.mark.parametrize("line", ["nonsense", "1A=b", 'A="open', "A='a' b", "A-B=c"])
def test_a_bad_line_of_an_env_file_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"GOOD=1\n{line}\n")

    with pytest.raises(InputError) as refused:
        read_env_file(path)

    assert refused.value.message == f"{path}:2: not a KEY=VALUE line"


def test_an_env_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"A=\xff\xfe")
    for name, reason in (("missing", "No such file"), ("", "Is a dir"), ("binary", "not UTF-8")):
        with pytest.raises(InputError, match=reason):
            read_env_file(tmp_path / name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_env_file_of_somebody_else_says_who_must_read_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=b\n")
    path.chmod(0o600)
    with no_longer_root(), pytest.raises(InputError) as refused:
        read_env_file(path)
    assert refused.value.message == f"{path}: Permission denied"
    assert "LoadCredential=" in refused.value.hint
