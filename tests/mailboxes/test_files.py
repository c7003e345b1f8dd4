"""A Maildir, an mbox and standard input: what is read, what is marked, what is left alone."""

from io import BytesIO
from pathlib import Path

import pytest

from flowctl.errors import InputError
from flowctl.inbound.mime import LIMIT
from flowctl.mailboxes.handed_over import HandedOver
from flowctl.mailboxes.maildir import Maildir
from flowctl.mailboxes.mbox import Mbox
from tests.support.returned import MaildirFolder


@pytest.fixture
def folder(tmp_path: Path) -> MaildirFolder:
    return MaildirFolder(tmp_path / "Maildir")


def test_a_maildir_gives_what_nobody_has_seen(folder: MaildirFolder) -> None:
    new = folder.deliver(b"new")
    for flags in ("F", "S", "RS", ""):
        (folder.folder / "cur" / f"old{flags}:2,{flags}").write_bytes(flags.encode())
    (folder.folder / "new" / ".hidden").write_bytes(b"hidden")
    (folder.folder / "new" / "folder").mkdir()
    maildir = Maildir(folder.folder)
    mails = {one.key: one.raw for one in maildir.unread()}
    assert mails == {f"new/{new}": b"new", "cur/oldF:2,F": b"F", "cur/old:2,": b""}
    for key in mails:
        maildir.mark_read(key)
        maildir.mark_read(key)
    assert list(maildir.unread()) == []
    assert folder.read == sorted([f"{new}:2,S", "oldF:2,FS", "oldS:2,S", "oldRS:2,RS", "old:2,S"])


def test_marking_never_takes_another_mails_place(folder: MaildirFolder) -> None:
    name = folder.deliver(b"one")
    (folder.folder / "cur" / f"{name}:2,S").write_bytes(b"other")
    Maildir(folder.folder).mark_read(f"new/{name}")
    assert (folder.folder / "new" / name).read_bytes() == b"one"
    assert (folder.folder / "cur" / f"{name}:2,S").read_bytes() == b"other"


def test_of_a_mail_the_beginning_is_read(folder: MaildirFolder) -> None:
    folder.deliver(b"x" * (3 * LIMIT))
    (mail,) = Maildir(folder.folder).unread()
    assert len(mail.raw) == LIMIT


def test_what_is_no_maildir_or_mbox_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it has no folder new"):
        Maildir(tmp_path)
    with pytest.raises(InputError, match="there is no such folder"):
        Maildir(tmp_path / "none")
    file = tmp_path / "file"
    file.write_bytes(b"Subject: one mail\n\nFrom here on\n")
    with pytest.raises(InputError, match="is not an mbox"):
        Mbox(file)


def raws(tmp_path: Path, content: bytes) -> list[bytes]:
    file = tmp_path / "mbox"
    file.write_bytes(content)
    found = [one.raw for one in Mbox(file).unread()]
    assert file.read_bytes() == content
    return found


def test_an_mbox_is_split_at_its_from_lines(tmp_path: Path) -> None:
    mbox = (
        b"From a@example.com Fri Nov 27 10:00:00 2026\nSubject: one\n\n>From the start\n"
        b"From here no blank line\n\n"
        b"From MAILER-DAEMON Fri Nov 27 10:00:00 2026\r\nSubject: two\r\n\r\n>>From x\r\n"
    )
    one, two = raws(tmp_path, mbox)
    assert one.endswith(b"Subject: one\n\nFrom the start\nFrom here no blank line\n\n")
    assert two.endswith(b"Subject: two\r\n\r\n>From x\r\n")


def test_an_mbox_that_is_cut_gives_what_there_is(tmp_path: Path) -> None:
    one = b"From a@example.com Fri Nov 27\nSubject: one\n\nHello\n\n"
    two = b"From b@example.com Fri Nov 27\nSubject: two\n\nHello\n"
    assert raws(tmp_path, one + two[:40]) == [one, two[:40]]
    assert raws(tmp_path, one[30:] + two) == [two]
    assert raws(tmp_path, b"") == []


def test_an_mbox_holds_a_mail_of_any_length(tmp_path: Path) -> None:
    long = b"From a@example.com Fri Nov 27\n\n" + b"x" * (2 * LIMIT) + b"\n\n"
    two = b"From b@example.com Fri Nov 27\nSubject: two\n\nHello\n"
    first, second = raws(tmp_path, long + two)
    assert LIMIT <= len(first) < LIMIT + 100_000
    assert second == two


def test_what_is_handed_over_is_taken_whole_with_its_envelope() -> None:
    stream = BytesIO(b"Subject: x\n\n" + b"x" * (2 * LIMIT))
    environ = {"RECIPIENT": "alias-bounces-1@example.com", "SENDER": "", "EXT": "bounces-1"}
    (mail,) = HandedOver(stream, environ).unread()
    assert (len(mail.raw), stream.read()) == (LIMIT, b"")
    assert (mail.sender, mail.recipients) == ("", ("alias-bounces-1@example.com", "bounces-1"))


def test_an_environment_without_a_recipient_is_no_envelope() -> None:
    (mail,) = HandedOver(BytesIO(b"Subject: x\n\n"), {"SENDER": "", "EXT": "txt"}).unread()
    assert (mail.sender, mail.recipients) == (None, ())
    assert list(HandedOver(BytesIO(b"\n"), {}).unread()) == []
