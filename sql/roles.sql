-- Optional: a role that may dispatch and nothing else. Run it by hand, once, as a role with
-- CREATEROLE (not as a migration: a role outlives its database), then give it a password:
--
--   psql "$DATABASE_URL" -f sql/roles.sql
--   psql "$DATABASE_URL" -c '\password flowctl_dispatcher'
--
-- It owns nothing and bypasses nothing. It may read leads, steps and flows, move messages along and
-- suppress addresses; it cannot rewrite a sent message, add leads or change steps. Running it again
-- is harmless, and needed after a new version of the schema added something it must see.

do $$
begin
  -- over one connection to each node, where the tables are distributed; of no effect elsewhere
  perform set_config('citus.multi_shard_modify_mode', 'sequential', true);
  if to_regrole('flowctl_dispatcher') is null then
    create role flowctl_dispatcher login noinherit;
  end if;
end;
$$;

grant usage on schema public, flowctl to flowctl_dispatcher;
grant select on public.leads, public.flows, public.flow_steps to flowctl_dispatcher;
grant select on public.message_logs, flowctl.free_messages to flowctl_dispatcher;
grant update (
  status, subject, content, format, scheduled_for, sent_at, error_message, attempts, recipient,
  provider_id, delivery_status, delivery_code, retry_at, claimed_by, lease_until, is_unknown, cause
) on public.message_logs to flowctl_dispatcher;
grant select, insert, update, delete on public.suppressions to flowctl_dispatcher;
grant select on flowctl.migrations, flowctl.routines, flowctl.zones, flowctl.zone_spellings,
  flowctl.zone_releases, flowctl.zone_history, flowctl.sent_addresses, flowctl.stops,
  flowctl.samples
to flowctl_dispatcher;
grant select, insert, update, delete on flowctl.sends, flowctl.runs to flowctl_dispatcher;
grant select, insert on flowctl.returned_mail to flowctl_dispatcher;
grant execute on function flowctl.why_copy() to flowctl_dispatcher;
grant execute on function flowctl.is_lead_deleted(uuid) to flowctl_dispatcher;
do $$
declare
  own record;
begin
  perform set_config('citus.multi_shard_modify_mode', 'sequential', true);
  for own in
    select * from (values
      ('public.leads', 'select'), ('public.flows', 'select'), ('public.flow_steps', 'select'),
      ('public.message_logs', 'all'), ('public.suppressions', 'all'),
      ('flowctl.migrations', 'select'), ('flowctl.routines', 'select'),
      ('flowctl.zones', 'select'), ('flowctl.zone_spellings', 'select'),
      ('flowctl.zone_releases', 'select'), ('flowctl.zone_history', 'select'),
      ('flowctl.sent_addresses', 'select'),
      ('flowctl.samples', 'select'), ('flowctl.stops', 'select'), ('flowctl.sends', 'all'),
      ('flowctl.runs', 'all'), ('flowctl.returned_mail', 'all')
    ) as needed (table_name, command)
  loop
    -- row-level security shows the role every row; what it may do to them the grants say
    if (select c.relrowsecurity from pg_catalog.pg_class as c where c.oid = own.table_name::regclass) then
      execute format('drop policy if exists flowctl_dispatcher on %s', own.table_name);
      execute format(
        'create policy flowctl_dispatcher on %s for %s to flowctl_dispatcher using (true)',
        own.table_name, own.command
      );
    end if;
  end loop;
  -- the functions that only compute; those that write run with their owner's rights and stay closed
  for own in
    select p.oid::regprocedure as signature from pg_catalog.pg_proc as p
    where p.pronamespace = 'flowctl'::regnamespace and not p.prosecdef
      and p.prorettype <> 'trigger'::regtype
  loop
    execute format('grant execute on function %s to flowctl_dispatcher', own.signature);
  end loop;
end;
$$;
