-- Pending messages brought in line with today's steps, leads and rules of the time zones.

-- name: refresh_plan
-- What would become of these messages; times on the clock of their zones.
select
  replanned.message_id as id,
  replanned.zone,
  step.flow,
  message.planned_for as planned_before,
  replanned.planned_for,
  replanned.is_moved,
  replanned.is_rewritten,
  coalesce(step.key, '#' || step.step_order) as step,
  flowctl.local_time(message.planned_for, replanned.zone) as before_local,
  flowctl.local_time(replanned.planned_for, replanned.zone) as after_local
from flowctl.replanned(%(ids)s::uuid[]) as replanned
inner join public.message_logs as message on message.id = replanned.message_id
inner join public.flow_steps as step on step.id = message.flow_step_id
where replanned.is_moved or replanned.is_rewritten
order by replanned.zone, replanned.planned_for, replanned.message_id;

-- name: refresh_messages
-- One that dispatch has moved (a window or gap met at the claim, a retry) becomes due no earlier
-- than it was.
with plan as materialized (
  -- as in select_drift
  select own.*
  from flowctl.replanned(%(ids)s::uuid[]) as own
  where exists (select from flowctl.routines)
)
update public.message_logs as message
set
  message_type = step.type,
  subject = step.subject,
  content = step.content,
  format = step.format,
  planned_for = case when plan.is_moved then plan.planned_for else message.planned_for end,
  scheduled_for = case
    when not plan.is_moved then message.scheduled_for
    when message.scheduled_for = message.planned_for then plan.planned_for
    else greatest(plan.planned_for, message.scheduled_for)
  end
from plan
cross join public.flow_steps as step
where message.id = plan.message_id
  and step.id = message.flow_step_id
  and (plan.is_moved or plan.is_rewritten)
  and (message.lease_until is null or message.lease_until < now())
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
returning message.id;

-- name: misplaced_messages
-- Pending messages that no longer stand at their planned local time, by the reason and the zone:
-- the rules of the zone were changed after they were scheduled, or the step was, or else the lead
-- or its flow. Only the soonest are looked at, `most` of them (null: all).
with soonest as materialized (
  select message.id
  from public.message_logs as message
  where message.status = 'pending' and message.flow_step_id is not null
  order by message.due_at
  limit %(most)s::integer
),
plan as materialized (
  -- as in select_drift
  select own.*
  from flowctl.replanned(array(select soonest.id from soonest)) as own
  where exists (select from flowctl.routines)
),
moved as (
  select
    plan.zone,
    case
      when flowctl.is_moved_by_rules(
        plan.zone, message.created_at, message.planned_for, plan.planned_for
      ) then 'rules'
      when step.updated_at > message.created_at then 'step'
      else 'lead'
    end as reason
  from plan
  inner join public.message_logs as message on message.id = plan.message_id
  inner join public.flow_steps as step on step.id = message.flow_step_id
  where plan.is_moved
)
select moved.reason, moved.zone, count(*) as messages
from moved
group by moved.reason, moved.zone
order by messages desc, moved.zone asc;
