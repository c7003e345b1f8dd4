"""Texts by Twilio's REST API, through Twilio's own client.

That API has no idempotency key, and a repeated request may send a second text. So each request is
made once: one of which no byte was written was not sent, of any other without an answer the outcome
is unknown, and Twilio's lists tell what became of it.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from twilio.base import values
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as HttpTimeout

from flowctl.errors import ProviderStopped
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage, TextRecord
from flowctl.settings import TwilioSettings
from flowctl.text import one_line
from flowctl.transports.twilio.addresses import RCS, phone_number
from flowctl.transports.twilio.client import TwilioClient, retry_after
from flowctl.transports.twilio.codes import PAUSES, judge_request
from flowctl.transports.twilio.http import HttpTimeouts
from flowctl.transports.twilio.meanings import OUTCOMES, Meaning

if TYPE_CHECKING:
    from twilio.base.page import Page

_LONGEST_VALIDITY = 36000
"""Seconds that Twilio keeps a text in its queue at most; also what it does unless told."""
_PAGE_SIZE = 1000
_MOST_PAGES = 1000
_CLOCKS_DIFFER = timedelta(minutes=2)
_DAYS_DIFFER = timedelta(days=1)

_NONSENSE = (ValueError, TypeError, AttributeError, KeyError)
"""What Twilio's client raises over an answer that is not what its API promises."""


_Answer = TypeVar("_Answer")


class TwilioTransport:
    """Sends texts through one account, and looks them up. Each thread gets a client of its own."""

    channel = Channel.TEXT

    def __init__(self, settings: TwilioSettings, *, timeouts: HttpTimeouts | None = None) -> None:
        self._settings = settings
        self._timeouts = timeouts or HttpTimeouts()
        self._lock = threading.Lock()
        self._clients: list[TwilioClient] = []
        self._mine = threading.local()

    def send(self, message: OutgoingMessage) -> Outcome:
        """Hand over one text. ``valid_for`` bounds how long Twilio may keep it queued."""
        service, number = self._sender_of(message)
        client = self._client()
        client.forget()
        try:
            record = client.messages.create(
                to=message.recipient,
                body=message.text,
                messaging_service_sid=service or values.unset,
                from_=values.unset if service else number,
                validity_period=_validity(message.valid_for),
            )
        except HTTPError as error:
            return _unanswered(error, was_sent=client.was_sent)
        except TwilioException as error:
            return _refused(error, client.answer, number)
        except _NONSENSE:
            return _nonsense(client.answer)
        if not isinstance(record.sid, str) or not record.sid.isalnum():
            return _nonsense(client.answer)
        return Outcome(
            OutcomeKind.ACCEPTED, detail=one_line(str(record.status)), provider_id=record.sid
        )

    def find(self, recipient: str, since: datetime) -> list[TextRecord]:
        """The texts to a number that Twilio has had since a moment, newest first.

        Some may be up to two minutes older: clocks differ. Raises ProviderStopped.
        """
        # By the number alone: Twilio's date filter is by the day and by when a text went out, and a
        # text that still waits in its queue has not. One that travels by RCS is listed under that.
        found: list[TextRecord] = []
        for address in (recipient, RCS + recipient):
            for record in self._records(since, to=address):
                if record is None:
                    raise _no_list(ValueError("a text without an id or a date"), None)
                found.append(record)
        return sorted(found, key=lambda record: record.created_at, reverse=True)

    def recent(self, since: datetime) -> Iterator[TextRecord | None]:
        """All texts since a moment, sent and received, newest first; a request for every thousand.

        A record without an id or a date is null. Some may be up to two minutes older: clocks
        differ. Raises ProviderStopped.
        """
        return self._records(since, date_sent_after=since.astimezone(UTC) - _DAYS_DIFFER)

    def ask(self, question: Callable[[Client], _Answer]) -> _Answer | Outcome:
        """The answer to a request that changes nothing, or the outcome that it had instead."""
        client = self._client()
        client.forget()
        try:
            return question(client.rest)
        except HTTPError as error:
            return _unanswered(error, was_sent=False)
        except TwilioException as error:
            return _refused(error, client.answer)
        except _NONSENSE:
            return _nonsense(client.answer)

    def _sender_of(self, message: OutgoingMessage) -> tuple[str | None, str | None]:
        """A messaging service or a number: the flow's own, else that of the settings."""
        own = (message.sender or {}).get("text_from")
        if own is not None:
            return (own, None) if own.startswith("MG") else (None, own)
        service = self._settings.messaging_service_sid
        return service, None if service else self._settings.from_number

    def stop(self) -> None:
        """Nothing waits here before it is handed over."""

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        self._mine = threading.local()

    def _client(self) -> TwilioClient:
        client: TwilioClient | None = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = TwilioClient(self._settings, self._timeouts)
            with self._lock:
                self._clients.append(client)
        return client

    def _records(
        self, since: datetime, *, to: str | None = None, date_sent_after: datetime | None = None
    ) -> Iterator[TextRecord | None]:
        client = self._client()
        client.forget()
        oldest = since - _CLOCKS_DIFFER
        try:
            page: Page | None = client.messages.page(
                to=to or values.unset,
                date_sent_after=date_sent_after or values.unset,
                page_size=_PAGE_SIZE,
            )
            for _ in range(_MOST_PAGES):
                records = [] if page is None else [_record(message) for message in page]
                if page is None or not records:
                    return
                yield from (r for r in records if r is None or r.created_at >= oldest)
                if _newest(records) < since - _DAYS_DIFFER:
                    return
                client.forget()
                page = page.next_page()
        except (HTTPError, TwilioException, *_NONSENSE) as error:
            raise _no_list(error, client.answer) from error
        raise ProviderStopped(
            "Twilio's list of texts does not end", hint="look at a shorter time, see --since"
        )


def _validity(valid_for: timedelta | None) -> int | object:
    """Seconds from 1 to ten hours, which is also what Twilio does unless told."""
    if valid_for is None:
        return values.unset
    return min(max(int(valid_for.total_seconds()), 1), _LONGEST_VALIDITY)


def _unanswered(error: HTTPError, *, was_sent: bool) -> Outcome:
    reason = one_line(_reason(error))
    if was_sent:
        return Outcome(OutcomeKind.UNKNOWN, detail=f"no answer from Twilio: {reason}")
    if isinstance(error, HttpTimeout) and not isinstance(error, NewConnectionError):
        return Outcome(OutcomeKind.DEFERRED, detail=f"no connection to Twilio: {reason}")
    return Outcome(
        OutcomeKind.CHANNEL_STOPPED,
        detail=f"Twilio cannot be reached: {reason}",
        hint="check the network, the proxy and TWILIO_API_URL",
    )


def _reason(error: BaseException) -> str:
    """The first cause of a network error; its wrappers quote addresses of objects and URLs."""
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    if isinstance(error, TimeoutError | HttpTimeout):
        return "timed out"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _refused(error: TwilioException, answer: Response | None, sender: str | None = None) -> Outcome:
    """The outcome of an answer that is an error; it is Twilio's if it has a code or a message."""
    status = HTTPStatus.BAD_GATEWAY if answer is None else answer.status_code
    code, words = _code_and_text(error)
    meaning, hint = judge_request(code, status, sender)
    asked = retry_after({} if answer is None else answer.headers or {})
    return Outcome(
        OUTCOMES[meaning],
        code=str(code or status),
        detail=one_line(words or f"HTTP status {status} without a message"),
        retry_after=PAUSES.get(code or 0) if asked is None else asked,
        hint=hint,
        blames_recipient=meaning in {Meaning.MESSAGE, Meaning.REGION},
    )


def _code_and_text(error: TwilioException) -> tuple[int | None, str]:
    """Twilio's code (0 where it gave none) and words; null where the answer is not Twilio's."""
    if isinstance(error, TwilioServiceException):
        return _number(error.code), f"{error.title}: {error.detail or ''}".strip(": ")
    if not isinstance(error, TwilioRestException):
        return None, ""
    # The client puts its own words first, and the status for a code that is not there.
    _, colon, words = error.msg.partition(": ")
    code = _number(error.code)
    return (0 if code == error.status else code) if colon else None, words


def _number(code: object) -> int:
    return int(code) if isinstance(code, int | str) and str(code).isdecimal() else 0


def _nonsense(answer: Response | None) -> Outcome:
    status = "no status" if answer is None else f"HTTP status {answer.status_code}"
    return Outcome(OutcomeKind.UNKNOWN, detail=f"not an answer of Twilio's: {status}")


def _record(message: MessageInstance) -> TextRecord | None:
    """A text as it is listed, whatever its addresses are; null without an id or a date."""
    created_at = message.date_created
    if not isinstance(created_at, datetime) or not message.sid:
        return None
    return TextRecord(
        provider_id=str(message.sid),
        recipient=phone_number(message.to) or "",
        sender=phone_number(message.from_) or str(message.from_ or ""),
        body=str(message.body or ""),
        status=str(message.status or ""),
        error_code=_number(message.error_code) or None,
        created_at=created_at,
        inbound=str(message.direction) == "inbound",
        service=str(message.messaging_service_sid or ""),
    )


def _newest(records: list[TextRecord | None]) -> datetime:
    """When the newest of a page was made. Raises ValueError where none can be read."""
    return max(record.created_at for record in records if record is not None)


def _no_list(error: Exception, answer: Response | None) -> ProviderStopped:
    if isinstance(error, HTTPError):
        reason, hint = _reason(error), "check the network, the proxy and TWILIO_API_URL"
    elif answer is None or answer.ok:
        reason, hint = "not an answer of Twilio's", "check TWILIO_API_URL"
    else:
        meaning, hint = judge_request(None, answer.status_code)
        reason = f"HTTP status {answer.status_code}"
        hint = hint if meaning is Meaning.ACCOUNT else "try again later"
    return ProviderStopped(f"Twilio's list of texts cannot be read: {one_line(reason)}", hint=hint)
