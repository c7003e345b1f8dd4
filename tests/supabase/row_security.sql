-- A project that switches row-level security on for every new table in public.

create function extensions.secure_new_tables() returns event_trigger
language plpgsql security definer set search_path = pg_catalog
as $$
declare
  made record;
begin
  for made in
    select * from pg_event_trigger_ddl_commands()
    where command_tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
      and schema_name = 'public'
  loop
    execute format('alter table %s enable row level security', made.object_identity);
  end loop;
end;
$$;

create event trigger secure_new_tables on ddl_command_end
when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
execute function extensions.secure_new_tables();
