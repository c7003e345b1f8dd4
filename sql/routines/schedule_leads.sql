-- Schedules for leads that exist what they lack and what is not behind them, of one flow or of all;
-- returns how many messages it added. The trigger does the same for leads being inserted.
create or replace function flowctl.schedule_leads(lead_ids anyarray, only_flow text default null)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  steps constant flowctl.step_setting[] := flowctl.step_settings(only_flow);
  added integer;
begin
  insert into public.message_logs
    (lead_id, flow_step_id, message_type, subject, content, format, scheduled_for, planned_for)
  select
    lead.id, due.flow_step_id, due.message_type, due.subject, due.content,
    step.format, due.scheduled_for, due.scheduled_for
  from public.leads as lead
  cross join lateral flowctl.lead_schedule(
    to_jsonb(lead), lead.created_at::timestamptz, now(), steps
  ) as due
  inner join public.flow_steps as step on step.id = due.flow_step_id
  where lead.id in (
    -- as the column's type: a linter tries the function with an array of any other
    select given.lead_id
    from jsonb_populate_recordset(null::public.message_logs, (
      select jsonb_agg(jsonb_build_object('lead_id', one.id)) from unnest(lead_ids) as one (id)
    )) as given
  ) and due.skipped is null
  on conflict do nothing;
  get diagnostics added = row_count;
  return added;
end;
$$;
