"""Pictures of the report for the documents, light and dark, each with the digest of its page.

How a browser draws letters differs from machine to machine, so a test compares not the picture
but the page: that of ``history.sql``, whose clock stands still. ``python -m tests.docs.pictures``
draws them, with Chromium.
"""

import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.postgres import connect

SCHEMES = {"report-light.png": 1, "report-dark.png": 0}
"""Each with Chromium's number of the colors that its reader prefers."""

STILL = "-csearch_path=still,pg_catalog,public"
"""What a connection says to ask the clock of the history, and not the server's."""

WIDTH, HEIGHT = 960, 1320
"""Pixels: from the top of the page into its first flow."""

END = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
"""The last chunk of every PNG (RFC 2083, 4.1.4)."""


def report_page(url: str) -> bytes:
    """The report of a database that holds nothing before, once the history is in it."""
    with connect(url) as connection:
        connection.execute(Path(__file__).with_name("history.sql").read_bytes())
    with TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        subprocess.run(
            [sys.executable, "-m", "flowctl", "report", file],
            env={**os.environ, "DATABASE_URL": url, "PGOPTIONS": STILL},
            capture_output=True,
            check=True,
        )
        return file.read_bytes()


def report_pictures(page: bytes) -> Iterator[tuple[str, bytes]]:
    """The name of each picture and its bytes."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser is not None, "needs chromium"
    with TemporaryDirectory() as folder:
        html, png = Path(folder) / "report.html", Path(folder) / "report.png"
        html.write_bytes(page)
        for name, scheme in SCHEMES.items():
            subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                 f"--window-size={WIDTH},{HEIGHT}", f"--user-data-dir={folder}/profile",
                 f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={png}",
                 html.as_uri()],
                capture_output=True, timeout=100, check=True,
            )  # fmt: skip
            yield name, png.read_bytes().removesuffix(END) + marked(page) + END


def marked(page: bytes) -> bytes:
    """A text chunk of PNG that names the page (RFC 2083, 4.2.6)."""
    text = b"Source\0" + sha256(page).hexdigest().encode()
    checksum = zlib.crc32(b"tEXt" + text)
    return struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", checksum)
