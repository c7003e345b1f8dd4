"""Twilio's own client, with what it leaves out: timeouts, what was sent, what was answered."""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageList

from flowctl.settings import TwilioSettings
from flowctl.settings.urls import is_loopback
from flowctl.transports.twilio.http import HttpTimeouts, PooledHttpClient

_LONGEST_PAUSE = timedelta(days=1)


class TwilioClient:
    """A client for one thread: its authors do not promise that it serves more."""

    def __init__(self, settings: TwilioSettings, timeouts: HttpTimeouts) -> None:
        host = urlsplit(settings.api_url or "").hostname or ""
        self._http = PooledHttpClient(timeouts, no_proxy=host if is_loopback(host) else None)
        self._client = Client(  # type: ignore[no-untyped-call]
            settings.username,
            settings.password.reveal(),
            settings.account_sid,
            # They say which of Twilio's hosts, and would rewrite the name of any other.
            region=settings.region if settings.api_url is None else None,
            edge=settings.edge if settings.api_url is None else None,
            http_client=self._http,
            # Not the process's, which an empty mapping would mean: it has settings too.
            environment={"TWILIO_ACCOUNT_SID": settings.account_sid},
        )
        if settings.api_url is not None:
            self._client.api.base_url = settings.api_url.rstrip("/")

    @property
    def answer(self) -> Response | None:
        """What came back for the last request, if anything did."""
        return self._http.answer

    @property
    def messages(self) -> MessageList:
        """The account's messages. Call ``forget`` before each request."""
        return self._client.messages

    @property
    def rest(self) -> Client:
        """All of the account. Call ``forget`` before each request."""
        return self._client

    def forget(self) -> None:
        """Forget the last request."""
        self._http.forget()

    @property
    def was_sent(self) -> bool:
        """Whether any of the last request was written, so that it may have been processed."""
        return self._http.was_sent

    def close(self) -> None:
        """Close its connections."""
        self._http.close()


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long an answer asks to wait (RFC 9110 section 10.2.3), a day at most.

    A date counts from the answer's own Date, so that no clock of ours matters.
    """
    given = headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdecimal():
        pause = timedelta(seconds=min(int(given), _LONGEST_PAUSE.total_seconds()))
    else:
        try:
            pause = parsedate_to_datetime(given) - parsedate_to_datetime(headers.get("Date", ""))
        except (TypeError, ValueError):
            return None
    return min(max(pause, timedelta(0)), _LONGEST_PAUSE)
