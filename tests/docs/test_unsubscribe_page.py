"""The Edge Function of docs/, run by Deno before a model of the project's API: a link that is
fetched changes nothing, the button and one click unsubscribe."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from deno import find_deno_bin

from tests.support.factories import a_lead, a_step, messages
from tests.support.mail_servers import listens
from tests.support.ports import free_port
from tests.support.postgres import Connection
from tests.support.waiting import until

FUNCTION = Path(__file__).parents[2] / "docs/unsubscribe.ts"
KEY = "the service role's"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def api(conn: Connection) -> Iterator[ThreadingHTTPServer]:
    """What PostgREST does with a call of ``unsubscribe``."""

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/rest/v1/rpc/unsubscribe"
            assert self.headers["authorization"] == f"Bearer {KEY}"
            given = json.loads(self.rfile.read(int(self.headers["content-length"])))
            row = conn.execute(
                "select public.unsubscribe(message_id => %(message_id)s)", given
            ).fetchone()
            assert row is not None
            body = json.dumps(row[0]).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def page(api: ThreadingHTTPServer) -> Iterator[int]:
    """The function's port."""
    port = free_port()
    environ = {
        **os.environ,
        "SUPABASE_URL": f"http://127.0.0.1:{api.server_port}",
        "SUPABASE_SERVICE_ROLE_KEY": KEY,
        "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{port}",
    }
    permissions = ["--allow-net", "--allow-env", "--no-remote", "--no-npm"]
    process = subprocess.Popen(
        [find_deno_bin(), "run", "--quiet", *permissions, str(FUNCTION)], env=environ
    )
    try:
        until(lambda: listens(port))
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def asked(method: str, port: int, query: str = "") -> int:
    """The status of an answer."""
    body = "List-Unsubscribe=One-Click" if method == "POST" else None
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request(method, f"/unsubscribe{query}", body)
        answer = connection.getresponse()
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        return answer.status


def test_only_a_post_unsubscribes(conn: Connection, page: int) -> None:
    a_step(conn)
    a_step(conn, day=3)
    a_lead(conn, email="ada@example.com")
    ((message_id,), _) = messages(conn, "id")
    statuses = {
        method: asked(method, page, f"?id={message_id}") for method in ("GET", "HEAD", "PUT")
    }
    assert statuses == {"GET": 200, "HEAD": 200, "PUT": 405}
    assert (asked("POST", page), asked("POST", page, f"?id={NOBODY}")) == (404, 404)
    assert messages(conn, "status") == [("pending",), ("pending",)]
    for _ in range(2):
        assert asked("POST", page, f"?id={message_id}") == 200
    assert messages(conn, "status") == [("cancelled",), ("cancelled",)]
    assert conn.execute("select address, source from suppressions").fetchall() == [
        ("ada@example.com", "unsubscribe")
    ]


def test_it_says_so_when_the_database_cannot_be_reached(
    api: ThreadingHTTPServer, page: int
) -> None:
    api.shutdown()
    api.server_close()
    assert asked("POST", page, f"?id={NOBODY}") == 503
