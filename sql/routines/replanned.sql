-- When the given messages would be planned for today, and whether they would say something else:
-- by today's steps, flows and leads and the rules of their zones, but seen from when each was
-- scheduled, counted from its own enrollment, and with the days that it was shifted by. What is due
-- either way keeps its time: it was retried, or is late. Only pending messages of steps that are on
-- have a row. The audience is not asked again: it decides who enters.
create or replace function flowctl.replanned(message_ids uuid[]) returns table (
  message_id uuid, zone text, planned_for timestamptz, is_moved boolean, is_rewritten boolean
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  with steps as materialized (
    select
      step.id, step.type, step.subject, step.content, step.format,
      flowctl.step_setting(step, jsonb_populate_record(parent, '{"audience": null}')) as setting
    from public.flow_steps as step
    inner join public.flows as parent on parent.name = step.flow
  ),
  -- each with its lead, before anything is reckoned: several nodes take it in this order
  found as materialized (
    select
      message.id, message.flow_step_id, message.message_type, message.subject, message.content,
      message.format, message.planned_for, message.created_at, message.counted_from,
      message.shifted_days, to_jsonb(lead) as lead, lead.created_at::timestamptz as lead_created_at
    from public.message_logs as message
    inner join public.leads as lead on lead.id = message.lead_id
    where message.id = any(message_ids) and message.status = 'pending'
  )
  select
    message.id,
    due.zone,
    plan.planned_for,
    plan.planned_for <> message.planned_for and (plan.planned_for > now() or message.planned_for > now()),
    (message.message_type, message.subject, message.content, message.format)
      is distinct from (step.type, step.subject, step.content, step.format)
  from found as message
  inner join steps as step on step.id = message.flow_step_id
  cross join lateral flowctl.lead_schedule(
    case
      when message.counted_from is null then message.lead
      else message.lead || jsonb_build_object('created_at', message.counted_from)
    end,
    coalesce(message.counted_from, message.lead_created_at),
    message.created_at,
    array[step.setting]
  ) as due
  cross join lateral (
    select case
      when message.shifted_days = 0 then due.scheduled_for
      else flowctl.instant_of(
        flowctl.local_time(due.scheduled_for, due.zone) + message.shifted_days * interval '1 day',
        due.zone
      )
    end as planned_for
    offset 0
  ) as shifted
  cross join lateral (
    -- what would be past by now is due at once
    select case
      when message.planned_for > now() then greatest(shifted.planned_for, now())
      else shifted.planned_for
    end as planned_for
    offset 0
  ) as plan
  where due.skipped is null;
end;
$$;
