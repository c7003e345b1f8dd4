-- A lead's messages for the page of a CRM, in the order of their times, also on the lead's clock;
-- `reason` says why one is not sent, or waits. Of a message without a step, or whose step is gone,
-- flow, step_order and key are null. It reads leads with its owner's rights, and so asks whether
-- the caller may read messages.
create or replace function public.message_schedule(
  lead_id public.leads.id%type -- noqa: LT01
) returns table (
  flow text,
  step_order integer,
  key text,
  type text,
  status text,
  scheduled_for timestamptz,
  local_time timestamp,
  timezone text,
  reason text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  -- asked here: where the tables are distributed, the query below is run by other sessions
  if not flowctl.may_read_messages() then
    return;
  end if;
  return query
  select
    step.flow,
    step.step_order,
    step.key,
    message.message_type,
    message.status,
    message.scheduled_for,
    flowctl.local_time(message.scheduled_for, clock.zone),
    clock.zone,
    case
      when message.status <> 'pending' then message.error_message
      when parent.paused_at is not null then 'flow is paused'
      else coalesce(
        case when step.id is not null then (flowctl.step_setting(step, parent)).skipped end,
        message.error_message
      )
    end
  from public.message_logs as message
  left join public.leads as lead on lead.id = message.lead_id
  left join public.flow_steps as step on step.id = message.flow_step_id
  left join public.flows as parent on parent.name = step.flow
  left join public.flows as common on common.name = 'default'
  cross join lateral (
    select coalesce(
      flowctl.zone_of(to_jsonb(lead) ->> 'timezone'),
      flowctl.known_zone(coalesce(parent.timezone, common.timezone)),
      'UTC'
    ) as zone
  ) as clock
  where message.lead_id = message_schedule.lead_id
  order by message.scheduled_for, step.flow, step.step_order, message.created_at;
end;
$$;
