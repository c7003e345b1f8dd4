"""Messages as files, on a real file system."""

import os
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from flowctl.errors import InputError
from flowctl.model import Channel, OutcomeKind
from flowctl.settings import Settings
from flowctl.transports.mime import Composer
from flowctl.transports.outbox import OutboxTransport
from tests.support.outgoing import AN_ID, a_text, an_email
from tests.support.postgres import short_folder
from tests.support.users import no_longer_root

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_an_email_is_the_bytes_that_smtp_would_get(tmp_path: Path) -> None:
    head = Settings.from_env({"EMAIL_FROM": "news@acme.example"}).email
    outcome = OutboxTransport(tmp_path / "new" / "box", Channel.EMAIL, head, date=NOON).send(
        an_email()
    )

    (path,) = (tmp_path / "new" / "box").iterdir()
    assert path.name == f"{AN_ID}.eml"
    assert path.read_bytes() == Composer(head, date=NOON).compose(an_email())
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert outcome.provider_id == f"<{AN_ID}@acme.example>"


def test_no_settings_are_needed(tmp_path: Path) -> None:
    OutboxTransport(tmp_path, Channel.EMAIL).send(an_email())

    content = (tmp_path / f"{AN_ID}.eml").read_bytes()
    sender = message_from_bytes(content, policy=policy.default)["From"]
    assert sender.addresses[0].domain == "localhost.invalid"


def test_a_text_is_its_body_below_a_few_lines(tmp_path: Path) -> None:
    transport = OutboxTransport(tmp_path, Channel.TEXT, text_sender="+14155550100")

    outcome = transport.send(a_text(text="Hi Ada,\n\ncafé ✓"))

    assert outcome.provider_id == f"{AN_ID}.txt"
    assert (tmp_path / f"{AN_ID}.txt").read_text(encoding="utf-8") == (
        "To: +14155550123\nFrom: +14155550100\nLead: lead-1\n\nHi Ada,\n\ncafé ✓"
    )


def test_the_same_message_again_is_the_same_file(tmp_path: Path) -> None:
    transport = OutboxTransport(tmp_path, Channel.TEXT)
    transport.send(a_text(text="first, and longer"))
    transport.send(a_text(text="second"))

    (path,) = tmp_path.iterdir()
    assert path.read_text().endswith("\n\nsecond")


def test_an_email_to_no_address_is_refused(tmp_path: Path) -> None:
    outcome = OutboxTransport(tmp_path, Channel.EMAIL).send(an_email("a@x.com, b@x.com"))

    assert outcome.kind is OutcomeKind.REFUSED
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_a_file_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="as the outbox"):
            OutboxTransport(path, Channel.EMAIL)


def test_a_directory_without_the_right_to_write_is_an_error_at_once() -> None:
    with short_folder() as folder:
        folder.chmod(0o500)
        with no_longer_root(), pytest.raises(InputError, match="no right to write"):
            OutboxTransport(folder, Channel.EMAIL)


@pytest.fixture
def full_device() -> Path:
    """A file that takes no byte, as a full disk."""
    path = Path("/dev/full")
    if not path.exists():
        pytest.skip("no /dev/full here")
    return path


def test_a_directory_that_vanishes_stops_the_channel(tmp_path: Path) -> None:
    transport = OutboxTransport(tmp_path / "box", Channel.EMAIL)
    (tmp_path / "box").rmdir()

    outcome = transport.send(an_email())

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert outcome.detail == "cannot write to the outbox: No such file or directory"
    assert str(tmp_path) in outcome.hint


def test_a_full_disk_stops_the_channel_and_leaves_no_half_a_file(
    tmp_path: Path, full_device: Path
) -> None:
    transport = OutboxTransport(tmp_path, Channel.EMAIL)
    unfinished = tmp_path / f".{AN_ID}.eml.{os.getpid()}"
    unfinished.symlink_to(full_device)

    outcome = transport.send(an_email())

    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert outcome.detail == "cannot write to the outbox: No space left on device"
    assert list(tmp_path.iterdir()) == []
