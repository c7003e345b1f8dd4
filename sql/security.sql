-- Who may what. Neither kind of Supabase project is taken for granted: the older one grants
-- everything on new tables to everybody, the newer one next to nothing, and neither protects
-- functions.

alter table public.flows enable row level security;
alter table public.flow_steps enable row level security;
alter table public.message_logs enable row level security;
alter table public.suppressions enable row level security;

do $$
declare
  own record;
begin
  for own in
    select c.oid::regclass as name from pg_catalog.pg_class as c
    where c.relnamespace = 'flowctl'::regnamespace and c.relkind = 'r' and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', own.name);
  end loop;
end;
$$;

revoke all on schema flowctl from public;
revoke all on all tables in schema flowctl from public;
revoke all on all functions in schema flowctl from public;
revoke all on public.flows, public.flow_steps, public.message_logs, public.suppressions from public;
revoke all on function public.auto_schedule_messages() from public;

do $$
declare
  -- their arguments are of the type of a lead's id
  lead_functions constant text := (
    select string_agg(p.oid::regprocedure::text, ', ') from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
      and p.proname in ('schedule_messages_for_lead', 'enroll_lead', 'message_schedule')
  );
  message_schedule constant regprocedure := (
    select p.oid from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.proname = 'message_schedule'
  );
  -- app_metadata is written by the project alone; user_metadata by anyone who signs up. The inner
  -- select is for Supabase's linter, which does not see that the outer one is run only once. Citus
  -- takes no select here, and a node that the claims did not reach must not pass over the rows which
  -- the others change: there it is an error.
  is_staff constant text := case
    when flowctl.is_distributed() then
      '(current_setting(''request.jwt.claims'')::jsonb '
      '-> ''app_metadata'' ->> ''flowctl'') = ''staff'''
    else
      '(select nullif((select current_setting(''request.jwt.claims'', true)), '''')::jsonb '
      '-> ''app_metadata'' ->> ''flowctl'') = ''staff'''
  end;
  api_role text;
  table_name text;
begin
  execute format('revoke all on function %s from public', lead_functions);
  foreach api_role in array array['anon', 'authenticated', 'service_role'] loop
    continue when to_regrole(api_role) is null;
    execute format(
      'revoke all on public.flows, public.flow_steps, public.message_logs, public.suppressions from %I',
      api_role
    );
    execute format('revoke all on schema flowctl from %I', api_role);
    execute format('revoke all on all tables in schema flowctl from %I', api_role);
    execute format('revoke all on all functions in schema flowctl from %I', api_role);
    execute format('revoke all on function public.auto_schedule_messages() from %I', api_role);
    execute format('revoke all on function %s from %I', lead_functions, api_role);
  end loop;

  drop policy if exists flowctl_staff on public.flows;
  drop policy if exists flowctl_staff on public.flow_steps;
  drop policy if exists flowctl_staff on public.message_logs;
  drop policy if exists flowctl_staff on public.suppressions;

  if to_regrole('authenticated') is not null then
    grant select, insert, update, delete on public.flows, public.flow_steps to authenticated;
    grant select on public.message_logs, public.suppressions to authenticated;
    execute format('grant execute on function %s to authenticated', message_schedule);
    foreach table_name in array array['flows', 'flow_steps', 'message_logs', 'suppressions'] loop
      execute format(
        case
          when table_name in ('flows', 'flow_steps') then
            'create policy flowctl_staff on public.%I for all to authenticated '
            'using (%2$s) with check (%2$s)'
          else 'create policy flowctl_staff on public.%I for select to authenticated using (%2$s)'
        end,
        table_name, is_staff
      );
    end loop;
  end if;

  if to_regrole('service_role') is not null then
    grant select, insert, update, delete
    on public.flows, public.flow_steps, public.message_logs, public.suppressions to service_role;
    execute format('grant execute on function %s to service_role', lead_functions);
    grant execute on function public.unsubscribe(uuid) to service_role;
    -- on a plain server the role may lack BYPASSRLS
    drop policy if exists flowctl_service on public.flows;
    drop policy if exists flowctl_service on public.flow_steps;
    drop policy if exists flowctl_service on public.message_logs;
    drop policy if exists flowctl_service on public.suppressions;
    create policy flowctl_service on public.flows for all to service_role
    using (true) with check (true);
    create policy flowctl_service on public.flow_steps for all to service_role
    using (true) with check (true);
    create policy flowctl_service on public.message_logs for all to service_role
    using (true) with check (true);
    create policy flowctl_service on public.suppressions for all to service_role
    using (true) with check (true);
    -- a leads table that flowctl made
    if pg_catalog.obj_description('public.leads'::regclass, 'pg_class') = 'Who is to be messaged.'
    then
      grant select, insert, update, delete on public.leads to service_role;
      drop policy if exists flowctl_service on public.leads;
      create policy flowctl_service on public.leads for all to service_role
      using (true) with check (true);
    end if;
  end if;
end;
$$;
