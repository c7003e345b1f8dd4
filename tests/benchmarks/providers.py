"""Servers that take everything and answer after a while, each a process of its own.

``python -m tests.benchmarks.providers {smtp,pipelining,twilio} SECONDS`` prints its port. What
comes together is answered together, as over a network that is so slow. ``smtp`` does not offer
PIPELINING.
"""

import asyncio
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

from flowctl.cli import show

_BLOCK = 65536
_GREETING = b"220 providers\r\n"
_REPLIES = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
_HELLO = {"smtp": b"250 providers\r\n", "pipelining": b"250-providers\r\n250 PIPELINING\r\n"}


@contextmanager
def provider(kind: str, seconds: float) -> Iterator[int]:
    """The port of such a server, while the block runs."""
    command = [sys.executable, "-m", __name__, kind, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def _mails(kind: str, seconds: float, reader: StreamReader, writer: StreamWriter) -> None:
    writer.write(_GREETING)
    is_text = False
    unread = b""
    while chunk := await reader.read(_BLOCK):
        unread += chunk
        replies = b""
        while True:
            line, end, rest = unread.partition(b"\r\n.\r\n" if is_text else b"\r\n")
            if not end:
                break
            unread = rest
            word = line[:4].upper()
            is_hello = not is_text and word in {b"EHLO", b"HELO"}
            replies += _HELLO[kind] if is_hello else _REPLIES.get(word, b"250 2.0.0 ok\r\n")
            is_text = not is_text and word == b"DATA"
        if replies:
            await asyncio.sleep(seconds)
            writer.write(replies)
        if replies.endswith(_REPLIES[b"QUIT"]):
            break
    writer.close()


async def _texts(
    numbers: Iterator[int], seconds: float, reader: StreamReader, writer: StreamWriter
) -> None:
    with suppress(asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            await asyncio.sleep(seconds)
            body = b'{"sid": "SM%032x", "status": "queued"}' % next(numbers)
            writer.write(
                b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
    writer.close()


async def _serve(kind: str, seconds: float) -> None:
    numbers = count()

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(ConnectionError):
            if kind == "twilio":
                await _texts(numbers, seconds, reader, writer)
            else:
                await _mails(kind, seconds, reader, writer)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    show.line(str(server.sockets[0].getsockname()[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
