"""What servers say of a recipient, in their own words and forms, and what that means."""

import json
from pathlib import Path

import pytest

from flowctl.inbound.model import MailKind
from flowctl.inbound.reading import read
from flowctl.inbound.reasons import judge
from tests.support.inbound import ID, OURS

SAMPLES = Path(__file__).parent.parent / "samples"
CASES = json.loads((SAMPLES / "words.json").read_text("utf-8"))
SERVERS = sorted((SAMPLES / "servers").iterdir())
"""Mails in the form of many servers, about one message to ada@example.net; what each says is in its
name."""


@pytest.mark.parametrize("case", CASES, ids=[case["words"][:40] for case in CASES])
def test_words_are_judged(case: dict[str, str]) -> None:
    assert judge([case["words"]], case["status"]).verdict == case["verdict"]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("file", SERVERS, ids=[file.stem for file in SERVERS])
def test_the_form_of_a_server_is_understood(file: Path, line_end: bytes) -> None:
    mail = read(file.read_bytes().replace(b"\n", line_end), OURS)
    assert mail.message_ids == (ID,)
    wanted = file.stem.rpartition(".")[2].replace("-", " ")
    told = mail.report_on("ada@example.net")
    assert (told.verdict if told and mail.kind is MailKind.REPORT else mail.kind) == wanted
