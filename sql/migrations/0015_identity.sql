-- Which database this is. A copy has the row of its original, and does not send.

-- One row. What the server does not tell is null. A second row has come with the data of a dump, or
-- says that such data was seen to come in (`is_restore`). No key: it must take that second row.
create table if not exists flowctl.identity (
  system_identifier bigint,
  timeline integer,
  database_oid oid,
  table_oid oid,
  is_restore boolean not null default false,
  written_at timestamptz not null default now()
);

comment on table flowctl.identity is
'Which database may send: the server, its timeline, the database, and message_logs in it.';
