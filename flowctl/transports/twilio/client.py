"""Twilio's own client, with what it leaves out: timeouts, what was sent, what was answered."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageList
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import ProxyManager

from flowctl.settings import TwilioSettings
from flowctl.settings.urls import is_loopback

_LONGEST_PAUSE = timedelta(days=1)

_SILENT = logging.getLogger(f"{__name__}.silent")
_SILENT.setLevel(logging.CRITICAL)
"""For Twilio's client, which would log phone numbers and addresses."""

# The same for the URLs of list requests, which name the phone number that is looked for.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

_wire = threading.local()
"""``began``: whether any byte of this thread's request was written. Until then it was not sent."""


@dataclass(frozen=True, slots=True)
class HttpTimeouts:
    """Seconds to wait for a connection to one address, and for the answer."""

    connect: float = 5.0
    read: float = 20.0


class TwilioClient:
    """A client for one thread: its authors do not promise that it serves more.

    ``answer`` is what came back for the last request, if anything did.
    """

    def __init__(self, settings: TwilioSettings, timeouts: HttpTimeouts) -> None:
        self.answer: requests.Response | None = None
        host = urlsplit(settings.api_url or "").hostname or ""
        http = TwilioHttpClient(
            request_hooks={"response": self._heard},
            logger=_SILENT,
            proxy={"no_proxy": host} if is_loopback(host) else None,
        )
        # Its constructor takes one number for both, but hands whatever it has to ``requests``.
        http.timeout = (timeouts.connect, timeouts.read)  # type: ignore[assignment]
        self._session = http.session or requests.Session()
        self._session.mount("https://", _MarkingAdapter())
        self._session.mount("http://", _MarkingAdapter())
        self._client = Client(  # type: ignore[no-untyped-call]
            settings.username,
            settings.password.reveal(),
            settings.account_sid,
            # They say which of Twilio's hosts, and would rewrite the name of any other.
            region=settings.region if settings.api_url is None else None,
            edge=settings.edge if settings.api_url is None else None,
            http_client=http,
            # Not the process's, which an empty mapping would mean: it has settings too.
            environment={"TWILIO_ACCOUNT_SID": settings.account_sid},
        )
        if settings.api_url is not None:
            self._client.api.base_url = settings.api_url.rstrip("/")

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
        self.answer = None
        _wire.began = False

    @property
    def was_sent(self) -> bool:
        """Whether any of the last request was written, so that it may have been processed."""
        return bool(_wire.began)

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def _heard(self, response: requests.Response, **_: object) -> None:
        self.answer = response


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


class _MarkingHTTPConnection(HTTPConnection):
    """Notes that a request begins. Connecting, a proxy's tunnel included, is not yet one."""

    def putrequest(
        self,
        method: str,
        url: str,
        skip_host: bool = False,  # noqa: FBT001, FBT002 - as the class above has it
        skip_accept_encoding: bool = False,  # noqa: FBT001, FBT002 - as the class above has it
    ) -> None:
        if self.sock is None:
            self.connect()
        _wire.began = True
        super().putrequest(method, url, skip_host, skip_accept_encoding)


class _MarkingHTTPSConnection(_MarkingHTTPConnection, HTTPSConnection):
    """The same over TLS."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _MarkingHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _MarkingHTTPSConnection


_POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _HTTPPool, "https": _HTTPSPool}


class _MarkingAdapter(HTTPAdapter):
    """Repeats nothing, and marks what it begins to send."""

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = dict(_POOLS)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = dict(_POOLS)
        return manager
