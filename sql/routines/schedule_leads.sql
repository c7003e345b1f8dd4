drop function if exists flowctl.schedule_leads(anyarray, text);

-- Schedules for leads that exist what they lack and what is not behind them, of one flow or of all,
-- unless they are stopped there; returns how many messages it added. `counted_from` is what days
-- are counted from in place of a lead's creation. The trigger does the same for new leads.
create or replace function flowctl.schedule_leads(
  lead_ids anyarray, only_flow text default null, counted_from timestamptz default null
) returns integer
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
    case
      when schedule_leads.counted_from is null then to_jsonb(lead)
      else to_jsonb(lead) || jsonb_build_object('created_at', schedule_leads.counted_from)
    end,
    coalesce(schedule_leads.counted_from, lead.created_at::timestamptz), now(), steps
  ) as due
  inner join public.flow_steps as step on step.id = due.flow_step_id
  where lead.id in (
    -- as the column's type: a linter tries the function with an array of any other
    select given.lead_id
    from jsonb_populate_recordset(null::public.message_logs, (
      select jsonb_agg(jsonb_build_object('lead_id', one.id)) from unnest(lead_ids) as one (id)
    )) as given
  ) and due.skipped is null
    and not exists (
      select from flowctl.stops as stop
      where stop.lead_id = lead.id and (stop.flow is null or stop.flow = due.flow)
    )
  on conflict do nothing;
  get diagnostics added = row_count;
  return added;
end;
$$;
