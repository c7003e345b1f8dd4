-- The lead of what belongs to a message: where the tables are distributed by lead (sql/citus.sql)
-- every key carries it. Null in rows that are older.
do $$
declare
  id_type constant text := (
    select format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute as a
    where a.attrelid = 'public.message_logs'::regclass and a.attname = 'lead_id'
  );
  own regclass;
begin
  foreach own in array array[
    'flowctl.message_history', 'flowctl.returned_mail', 'flowctl.sent_addresses'
  ]::regclass[] loop
    execute format('alter table %s add column if not exists lead_id %s', own, id_type);
  end loop;
end;
$$;
