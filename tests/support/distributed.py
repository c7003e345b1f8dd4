"""Tests on a Citus cluster: which do not run there, and what they write there."""

import os
import re
from contextlib import nullcontext
from typing import Any, Self

import psycopg
import pytest
from psycopg import ClientCursor, Cursor
from psycopg.abc import Params
from psycopg.pq import TransactionStatus

from flowctl.database import query
from flowctl.store.fetching import fetch_rows
from flowctl.store.parts import Part

TEST_CITUS_URL = "TEST_CITUS_URL"
"""Names a database on the coordinator: with the extension, its workers added, and a role that may
create databases and reaches the workers in the same way."""

_TABLE = re.compile(rb"(?<![.'])\b(leads|message_logs|flow_steps|flows|suppressions)\b")

_CHANGE = re.compile(rb"\s*(?:update|insert|delete)\b", re.IGNORECASE)

_IN_PART = query("is_due_in_part")
"""Runs a text in a part that returns whether there was anything to do."""


def on_one_machine(why: str) -> pytest.MarkDecorator:
    """A test that says nothing of a cluster, and why."""
    return pytest.mark.skipif(TEST_CITUS_URL in os.environ, reason=f"on one machine only: {why}")


class PartByPart(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose changes of messages are made part by part where Citus refuses them, as it
    does a time that is moved by an interval, or ``now()`` beside a column.

    So they must be changes that mean the same for the messages of some leads as for all. Triggers
    may be made and switched off.
    """

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """As psycopg's."""
        connection = super().connect(conninfo, **options)
        connection.execute("set citus.enable_unsafe_triggers = on")
        return connection

    def execute(
        self,
        query: Any,
        params: Params | None = None,
        **options: Any,
    ) -> Cursor[tuple[Any, ...]]:
        """As psycopg's."""
        text = query.encode() if isinstance(query, str) else query
        if not isinstance(text, bytes) or not _CHANGE.match(text):
            return super().execute(query, params, **options)
        is_open = self.info.transaction_status is TransactionStatus.INTRANS
        try:
            with self.transaction() if is_open else nullcontext():
                return super().execute(query, params, **options)
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.InternalError_):
            whole = ClientCursor(self).mogrify(query, params).encode()
        change = b"with done as (%s returning 1) select exists (select from done)" % whole
        changed = self.cursor()
        for part in fetch_rows(self, "parts", Part):
            there = part.text(_TABLE.sub(rb"public.\1", change)).decode()
            changed.execute(_IN_PART, {"key": part.key, "text": there})
        return changed
