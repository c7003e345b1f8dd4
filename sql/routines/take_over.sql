-- Makes this database the one that sends.
create or replace function flowctl.take_over() returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  delete from flowctl.identity;
  insert into flowctl.identity (system_identifier, timeline, database_oid, table_oid)
  select here.system_identifier, here.timeline, here.database_oid, here.table_oid
  from flowctl.this_database() as here;
$$;

do $$
begin
  -- a new one, or one whose schema is older than this table
  if not exists (select from flowctl.identity) then
    perform flowctl.take_over();
  end if;
end;
$$;
