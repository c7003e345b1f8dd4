-- What makes this database a copy, null for the one that sends: `unnamed` (nothing written down),
-- `restored` (data of a dump came into it), or what is another than was written down: `server`,
-- `database`, `timeline`, `table`. What is not known, then or now, decides nothing.
create or replace function flowctl.why_copy() returns text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select case
    when count(*) = 0 then 'unnamed'
    when count(*) > 1 or bool_or(own.is_restore) then 'restored'
    when bool_or(own.system_identifier <> here.system_identifier) then 'server'
    when bool_or(own.database_oid <> here.database_oid) then 'database'
    when bool_or(own.timeline <> here.timeline) then 'timeline'
    when bool_or(own.table_oid <> here.table_oid) then 'table'
  end
  from flowctl.identity as own
  cross join flowctl.this_database() as here
$$;
