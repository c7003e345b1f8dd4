"""What the plan of a statement reads when it is run."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.postgres import Connection


def rows_read(
    conn: Connection, statement: bytes, values: Mapping[str, object], *, is_small: bool = False
) -> int:
    """The most rows that one part of a statement's plan reads. Unless ``is_small``, the plan is
    that of tables which are not as small as those of a test."""
    with conn.transaction(force_rollback=True):
        if not is_small:
            conn.execute("set local enable_seqscan = off")
        found = conn.execute(b"explain (analyze, format json) " + statement, values).fetchone()
        assert found is not None
    return max(map(_read, _nodes(found[0][0]["Plan"])))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _read(node: dict[str, Any]) -> int:
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int(rows * node["Actual Loops"])
