-- The flows as an operator sees and steers them.

-- name: list_flows
with waiting as (
  select
    step.flow,
    count(distinct message.lead_id) as leads,
    count(*) as pending,
    min(message.due_at) as next_due
  from public.message_logs as message
  inner join public.flow_steps as step on step.id = message.flow_step_id
  where message.status = 'pending'
  group by step.flow
),
listed as (
  select step.flow, count(*) as steps
  from public.flow_steps as step
  group by step.flow
)
select
  flow.name,
  flow.enabled,
  flow.paused_at,
  flow.timezone,
  flow.audience,
  flow.exit_when,
  flow.send_window,
  flow.expire_after,
  flow.min_gap,
  flow.dedupe_address,
  waiting.next_due,
  coalesce(listed.steps, 0) as steps,
  coalesce(waiting.leads, 0) as leads,
  coalesce(waiting.pending, 0) as pending
from public.flows as flow
left join waiting on waiting.flow = flow.name
left join listed on listed.flow = flow.name
order by flow.name;

-- name: flow_names
select flow.name from public.flows as flow order by flow.name;

-- name: lock_flow
-- Keeps another pause, resume or sync of the flow waiting until the end of the transaction.
select flow.paused_at from public.flows as flow where flow.name = %(flow)s for update;

-- name: pause_flow
update public.flows as flow set paused_at = now() where flow.name = %(flow)s;

-- name: resume_flow
update public.flows as flow set paused_at = null where flow.name = %(flow)s;

-- name: late_messages
-- What came due while the flow was paused: how many messages of how many leads, and since when.
select
  count(*) as messages,
  count(distinct message.lead_id) as leads,
  min(message.due_at) as oldest
from public.message_logs as message
inner join public.flow_steps as step on step.id = message.flow_step_id
where step.flow = %(flow)s
  and message.status = 'pending'
  and message.due_at <= now()
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  );

-- name: lock_pending_of_flow
-- Waits for the dispatchers that are about to begin one of them: the next statement then sees every
-- send that was begun.
select message.id
from public.message_logs as message
inner join public.flow_steps as step on step.id = message.flow_step_id
where step.flow = %(flow)s and message.status = 'pending'
order by message.id
for no key update of message;

-- name: lock_pending_of_flow_over_nodes
-- As lock_pending_of_flow.
update public.message_logs as message
set lease_until = message.lease_until
from public.flow_steps as step
where step.id = message.flow_step_id and step.flow = %(flow)s and message.status = 'pending';

-- name: skip_late
update public.message_logs as message
set
  status = 'cancelled',
  cause = 'paused',
  error_message = 'missed in a pause',
  claimed_by = null,
  lease_until = null
from public.flow_steps as step
where step.id = message.flow_step_id
  and step.flow = %(flow)s
  and message.status = 'pending'
  and message.due_at <= now()
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  );

-- name: shift_late
-- Moves all pending messages of each lead that has late ones by whole days of its own clock, the
-- fewest that put the earliest late one not before now: times of day and distances stay.
with pending as materialized (
  select
    message.id,
    message.lead_id,
    message.scheduled_for,
    message.planned_for,
    message.due_at <= now() as is_late,
    coalesce(
      flowctl.zone_of(to_jsonb(lead) ->> 'timezone'), flowctl.known_zone(flow.timezone), 'UTC'
    ) as zone
  from public.message_logs as message
  inner join public.flow_steps as step on step.id = message.flow_step_id
  inner join public.flows as flow on flow.name = step.flow
  inner join public.leads as lead on lead.id = message.lead_id
  where step.flow = %(flow)s
    and message.status = 'pending'
    and not exists (
      select from flowctl.sends as send
      where send.lead_id = message.lead_id and send.message_id = message.id
    )
),
earliest as (
  select
    pending.lead_id,
    pending.zone,
    flowctl.local_time(min(pending.scheduled_for), pending.zone) as local_time
  from pending
  where pending.is_late
  group by pending.lead_id, pending.zone
),
shifted as materialized (
  -- once, also where nothing is known of the tables yet and the planner expects one row
  select
    earliest.lead_id,
    -- the day of the present, or the day after where the time of day is over
    min(day.number) as days
  from earliest
  cross join lateral generate_series(
    greatest(flowctl.local_time(now(), earliest.zone)::date - earliest.local_time::date - 1, 0),
    flowctl.local_time(now(), earliest.zone)::date - earliest.local_time::date + 2
  ) as day (number)
  where now() <= flowctl.instant_of(
    earliest.local_time + make_interval(days => day.number), earliest.zone
  )
  group by earliest.lead_id
),
moved as materialized (
  select
    pending.id,
    pending.lead_id,
    shifted.days,
    flowctl.instant_of(
      flowctl.local_time(pending.scheduled_for, pending.zone)
      + make_interval(days => shifted.days),
      pending.zone
    ) as planned_for
  from pending
  inner join shifted on shifted.lead_id = pending.lead_id
)
update public.message_logs as message
set
  scheduled_for = moved.planned_for,
  planned_for = moved.planned_for,
  shifted_days = message.shifted_days + moved.days,
  retry_at = null,
  claimed_by = null,
  lease_until = null
from moved
where message.lead_id = moved.lead_id and message.id = moved.id;

-- name: flow_senders
select flow.name, flow.sender
from public.flows as flow
where flow.sender is not null;
