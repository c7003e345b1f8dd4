"""What Twilio's server of the tests answers, and the texts that it has."""

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Literal

ACCOUNT_SID = "AC" + "0" * 31 + "1"
AUTH_TOKEN = "token-of-a-test"  # noqa: S105 - of nobody
FROM_NUMBER = "+14155550100"


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do with one request for a text.

    ``accept``: take the text. ``status``, ``code``, ``message`` and ``headers`` make the answer, or
    ``raw`` its whole body. ``ending``: send it ``whole``, ``cut`` it in the middle of the body,
    ``drop`` the connection instead, or ``hang`` until the server closes.
    """

    accept: bool = True
    status: int = HTTPStatus.CREATED
    code: int | None = None
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw: str | None = None
    ending: Literal["whole", "cut", "drop", "hang"] = "whole"


ACCEPT = Answer()


def refuse(code: int | None, status: int = 400, message: str = "refused", **headers: str) -> Answer:
    """An error of the API; ``Retry_After="7"`` sets that header."""
    return Answer(
        accept=False,
        status=status,
        code=code,
        message=message,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def page(status: int, *, accept: bool = False) -> Answer:
    """A web page, as a proxy or a captive portal answers."""
    return Answer(accept=accept, status=status, raw="<html><body>not Twilio</body></html>")


@dataclass(slots=True)
class Text:
    """A text that the server has accepted or received."""

    sid: str
    to: str
    sender: str
    body: str
    created_at: datetime
    inbound: bool = False
    status: str = "queued"
    error_code: int | None = None
    service: str | None = None
    validity_period: int | None = None
    visible_after: int = 0


def as_json(text: Text) -> dict[str, Any]:
    """The text as the API shows it."""
    return {
        "sid": text.sid,
        "to": text.to,
        "from": text.sender,
        "body": text.body,
        "status": text.status,
        "direction": "inbound" if text.inbound else "outbound-api",
        "error_code": text.error_code,
        "date_created": format_datetime(text.created_at),
        "date_sent": None,
        "date_updated": format_datetime(text.created_at),
        "messaging_service_sid": text.service,
        "num_segments": "1",
        "account_sid": ACCOUNT_SID,
    }
