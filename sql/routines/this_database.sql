-- Which database this is; what the server does not tell is null. The server's own control file has
-- the old timeline until the first checkpoint after a promotion, so it is read from the name of the
-- file that is written to.
create or replace function flowctl.this_database(
  out system_identifier bigint, out timeline integer, out database_oid oid, out table_oid oid
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  database_oid := (select d.oid from pg_database as d where d.datname = current_database());
  table_oid := to_regclass('public.message_logs');
  begin
    system_identifier := (select control.system_identifier from pg_control_system() as control);
  exception when others then
    system_identifier := null;
  end;
  begin
    if not pg_is_in_recovery() then
      timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
    end if;
  exception when others then
    timeline := null;
  end;
end;
$$;
