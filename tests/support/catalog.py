"""The finished schema as text, the same on every server version, from the catalog.

``python -m tests.support.catalog > tests/database/schema.txt`` writes it anew.
"""

import sys

from flowctl import migrate
from tests.support.postgres import Connection, connect, own_postgres

_SCHEMA = """
with own as (
  select n.oid, n.nspname from pg_namespace as n where n.nspname in ('public', 'flowctl')
),
line as (
  select
    1 as part,
    c.oid::regclass::text as place,
    format('table %s%s', c.oid::regclass, case when c.relrowsecurity then '' else ' (open)' end)
      as line,
    0 as number
  from pg_class as c inner join own on own.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
  union all
  select
    case c.relkind when 'c' then 2 else 1 end,
    c.oid::regclass::text,
    concat_ws(
      ' ', ' ', a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then 'not null' end,
      case when a.attgenerated = 's' then 'generated' when d.oid is not null then 'default' end,
      pg_get_expr(d.adbin, d.adrelid)
    ),
    a.attnum
  from pg_class as c
  inner join own on own.oid = c.relnamespace
  inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  union all
  select
    1, k.conrelid::regclass::text, format('  %s: %s', k.conname, pg_get_constraintdef(k.oid)), 2000
  from pg_constraint as k inner join own on own.oid = k.connamespace
  where k.contype <> 'n' and k.conrelid <> 0
  union all
  select 1, i.indrelid::regclass::text, '  ' || pg_get_indexdef(i.indexrelid), 3000
  from pg_index as i
  inner join pg_class as c on c.oid = i.indrelid
  inner join own on own.oid = c.relnamespace
  union all
  select 1, t.tgrelid::regclass::text, '  ' || pg_get_triggerdef(t.oid), 4000
  from pg_trigger as t
  inner join pg_class as c on c.oid = t.tgrelid
  inner join own on own.oid = c.relnamespace
  where not t.tgisinternal
  union all
  select 1, p.polrelid::regclass::text, '  policy ' || p.polname, 5000
  from pg_policy as p
  union all
  select 1, c.oid::regclass::text, '  with ' || array_to_string(c.reloptions, ', '), 6000
  from pg_class as c inner join own on own.oid = c.relnamespace
  where c.reloptions is not null
  union all
  select 2, c.oid::regclass::text, format('type %s', c.oid::regclass), 0
  from pg_class as c inner join own on own.oid = c.relnamespace where c.relkind = 'c'
  union all
  select
    3,
    p.oid::regprocedure::text,
    format(
      'function %s returns %s, %s%s%s, %s', p.oid::regprocedure,
      pg_get_function_result(p.oid), case p.provolatile when 'i' then 'immutable'
        when 's' then 'stable' else 'volatile' end,
      case when p.proisstrict then ', strict' else '' end,
      case when p.prosecdef then ', security definer' else '' end,
      array_to_string(p.proconfig, '; ')
    ),
    0
  from pg_proc as p inner join own on own.oid = p.pronamespace
)
select line.line
from line
order by
  line.part,
  line.place collate "C",
  line.number,
  line.line collate "C"
"""


def schema_text(connection: Connection) -> str:
    """Tables, types and functions of ``public`` and ``flowctl``, in a stable order, a line each."""
    with connection.transaction():
        connection.execute("set local search_path = pg_catalog")
        rows = connection.execute(_SCHEMA).fetchall()
    return "".join(f"{row[0]}\n" for row in rows)


def main() -> None:
    """Write the schema to stdout."""
    with (
        own_postgres(migrate.apply) as server,
        server.database() as url,
        connect(url) as connection,
    ):
        sys.stdout.write(schema_text(connection))


if __name__ == "__main__":
    main()
