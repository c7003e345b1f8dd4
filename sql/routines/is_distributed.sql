-- Whether the leads, and with them all that belongs to them, are distributed over several nodes.
create or replace function flowctl.is_distributed() returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  found boolean := false;
begin
  -- asked of the text, since the table is the extension's
  if to_regclass('pg_catalog.pg_dist_partition') is not null then
    execute format(
      'select exists (select from %s as part where part.logicalrelid = %L::regclass)',
      to_regclass('pg_catalog.pg_dist_partition'), 'public.leads'
    ) into found;
  end if;
  return found;
end;
$$;
