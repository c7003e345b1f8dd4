"""Tests on a Citus cluster: which do not run there, and what they write there."""

import os
import re
from contextlib import nullcontext
from typing import Any

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

_IN_PART = query("is_due_in_part")
"""Runs a text in a part that returns whether there was anything to do."""


def on_one_machine(why: str) -> pytest.MarkDecorator:
    """A test that says nothing of a cluster, and why."""
    return pytest.mark.skipif(TEST_CITUS_URL in os.environ, reason=f"on one machine only: {why}")


class PartByPart(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose changes of messages are made part by part where Citus refuses them, as it
    does a time that is moved by an interval, or ``now()`` beside a column.

    So they must be changes that mean the same for the messages of some leads as for all.
    """

    def execute(
        self,
        query: Any,
        params: Params | None = None,
        **options: Any,
    ) -> Cursor[tuple[Any, ...]]:
        """As psycopg's."""
        is_open = self.info.transaction_status is TransactionStatus.INTRANS
        try:
            with self.transaction() if is_open else nullcontext():
                return super().execute(query, params, **options)
        except psycopg.errors.FeatureNotSupported:
            text = ClientCursor(self).mogrify(query, params).encode()
            if not text.lstrip().lower().startswith((b"update", b"insert", b"delete")):
                raise
        change = b"with done as (%s returning 1) select exists (select from done)" % text
        changed = self.cursor()
        for part in fetch_rows(self, "parts", Part):
            there = part.text(_TABLE.sub(rb"public.\1", change)).decode()
            changed.execute(_IN_PART, {"key": part.key, "text": there})
        return changed
