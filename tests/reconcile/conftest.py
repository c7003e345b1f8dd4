"""What tests of mail that came back share."""

from pathlib import Path

import pytest

from tests.support.returned import MaildirFolder


@pytest.fixture
def maildir(tmp_path: Path) -> MaildirFolder:
    return MaildirFolder(tmp_path / "Maildir")
