"""HTTP for Twilio's client: its own sends a request in twice the time, through all of ``requests``.

Where a request goes (proxies of the environment, trusted authorities) is still for ``requests`` to
say, once for each host; the requests themselves are handed to urllib3, which lies beneath it.
"""

import logging
import threading
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient
from twilio.http.response import Response
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.poolmanager import ProxyManager
from urllib3.util import Timeout

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


class PooledHttpClient(HttpClient):
    """For one thread: each request is made once, over a connection that is kept.

    ``answer`` is what came back for the last request, if anything did. A request raises urllib3's
    HTTPError where there is no answer. ``no_proxy`` names hosts that are reached directly.
    """

    def __init__(self, timeouts: HttpTimeouts, *, no_proxy: str | None = None) -> None:
        super().__init__(_SILENT, is_async=False)
        self.answer: Response | None = None
        self._timeout = Timeout(timeouts.connect, timeouts.read)
        self._proxies = {"no_proxy": no_proxy} if no_proxy else {}
        self._session = requests.Session()
        self._adapter = _MarkingAdapter()
        self._pools: dict[str, HTTPConnectionPool] = {}

    @property
    def was_sent(self) -> bool:
        """Whether any of the last request was written, so that it may have been processed."""
        return bool(_wire.began)

    def forget(self) -> None:
        """Forget the last request."""
        self.answer = None
        _wire.began = False

    def close(self) -> None:
        """Close its connections."""
        self._adapter.close()
        self._session.close()

    def request(  # noqa: PLR0917 - as the class above has it
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - as the class above has it
    ) -> Response:
        """Make a request, once. Redirects are answers like others."""
        del timeout, allow_redirects
        url = urlsplit(uri)
        query = "&".join(filter(None, (url.query, _form(params))))
        pool = self._pool(f"{url.scheme}://{url.netloc}")
        answer = pool.urlopen(
            method.upper(),
            f"{url.path}?{query}" if query else url.path,
            body=_form(data) or None,
            headers={**(headers or {}), "Accept-Encoding": "gzip, deflate", **_login(auth)},
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=self._timeout,
        )
        text = answer.data.decode("utf-8", "replace")
        self.answer = Response(answer.status, text, answer.headers)
        return self.answer

    def _pool(self, host: str) -> HTTPConnectionPool:
        """The connections to a host, or to the proxy before it."""
        if host not in self._pools:
            try:
                self._pools[host] = self._adapter.pool_for(self._session, host, self._proxies)
            except OSError as error:  # as those of ``requests`` are
                raise HTTPError(str(error)) from error
        return self._pools[host]


def _form(values: Mapping[str, object] | None) -> str:
    """Values as a query or a form has them; null ones are left out."""
    return urlencode({k: v for k, v in (values or {}).items() if v is not None}, doseq=True)


def _login(auth: tuple[str, str] | None) -> dict[str, str]:
    """HTTP's basic authentication (RFC 7617)."""
    if auth is None:
        return {}
    return {"Authorization": f"Basic {b64encode(':'.join(auth).encode()).decode()}"}


class _MarkingHTTPConnection(HTTPConnection):
    """Notes that a request begins. Connecting, a proxy's tunnel included, is not yet one.

    Head and body are sent together: one packet, and one waking of who reads it, instead of two.
    """

    _held: list[bytes] | None = None
    """The parts of a request that is being made."""

    def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  # as above
        try:
            super().request(*arguments, **options)
            held = self._held or []
        finally:
            self._held = None
        super().send(b"".join(held))

    def send(self, data: Any) -> None:  # noqa: ANN401  # bytes, of a request without a file
        """Send bytes, or keep them for the rest of their request."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

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
        self._held = []
        super().putrequest(method, url, skip_host, skip_accept_encoding)


class _MarkingHTTPSConnection(_MarkingHTTPConnection, HTTPSConnection):
    """The same over TLS."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _MarkingHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _MarkingHTTPSConnection


_POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _HTTPPool, "https": _HTTPSPool}


class _MarkingAdapter(HTTPAdapter):
    """Has the connections mark what they begin to send."""

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = dict(_POOLS)

    def pool_for(
        self, session: requests.Session, host: str, proxies: Mapping[str, str]
    ) -> HTTPConnectionPool:
        """The connections to a host, as the environment has it: HTTPS_PROXY, REQUESTS_CA_BUNDLE.

        Raises OSError for what the environment says and cannot be used.
        """
        request = requests.Request("GET", host).prepare()
        environment = session.merge_environment_settings(host, dict(proxies), None, None, None)
        pool = self.get_connection_with_tls_context(
            request, environment["verify"], proxies=environment["proxies"], cert=environment["cert"]
        )
        self.cert_verify(pool, host, environment["verify"], environment["cert"])
        return pool

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = dict(_POOLS)
        return manager
