"""Twilio and a submission server as processes of their own, and what each of them has accepted."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.twilio_server import twilio_environ


@dataclass(frozen=True, slots=True)
class Providers:
    """Both servers, running; the journals keep what they accepted, whoever is killed."""

    twilio_url: str
    smtp_port: int
    texts_journal: Path
    emails_journal: Path

    @property
    def environ(self) -> dict[str, str]:
        """The variables that point flowctl at these servers."""
        return {
            **twilio_environ(self.twilio_url),
            "SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "EMAIL_FROM": "news@acme.example",
        }

    def emails(self) -> Counter[UUID]:
        """How often each message was accepted as an email: its id is in the Message-ID."""
        lines = _lines(self.emails_journal)
        return Counter(UUID(line["message_id"].strip("<>").partition("@")[0]) for line in lines)

    def texts(self) -> Counter[str]:
        """How often each body was accepted as a text."""
        return Counter(str(line["body"]) for line in _lines(self.texts_journal))

    def text_ids(self) -> dict[str, str]:
        """The body of every accepted text by the id that Twilio gave it."""
        return {line["sid"]: line["body"] for line in _lines(self.texts_journal)}

    def accepted(self) -> int:
        """How many messages were accepted until now, of both channels."""
        journals = (self.texts_journal, self.emails_journal)
        return sum(journal.read_bytes().count(b"\n") for journal in journals)


@contextmanager
def running_providers(folder: Path) -> Iterator[Providers]:
    """Start both; they are killed at the end of the block."""
    texts, emails = folder / "texts", folder / "emails"
    for journal in (texts, emails):
        journal.touch()
    with _server("twilio_server", texts) as url, _server("smtp_server", emails) as port:
        yield Providers(url, int(port), texts, emails)


@contextmanager
def _server(module: str, journal: Path) -> Iterator[str]:
    """The first line that the program says: where it listens."""
    command = [sys.executable, "-m", f"tests.support.{module}", "--journal", str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline().strip()
            assert said, f"{module} does not start"
            yield said
        finally:
            process.kill()


def _lines(journal: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal; one that is being written is not there yet."""
    whole, _, _ = journal.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]
