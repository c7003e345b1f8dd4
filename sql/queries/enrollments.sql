-- Where leads stand in flows. A lead is in a flow where it has a message of it, or is stopped
-- there. `step` is the next one of a lead that is active, else the last that was sent.

-- name: enrollments_of_lead
with own as (
  select
    step.flow,
    message.status,
    message.cause,
    message.due_at,
    message.scheduled_for,
    message.sent_at,
    step.step_order,
    coalesce(step.key, '#' || step.step_order) as step
  from public.message_logs as message
  inner join public.flow_steps as step on step.id = message.flow_step_id
  where message.lead_id = %(lead_id)s
),
stopped as (
  select stop.flow from flowctl.stops as stop where stop.lead_id = %(lead_id)s
),
entered as (
  select own.flow from own
  union
  select stopped.flow from stopped where stopped.flow is not null
)
select
  entered.flow,
  flowctl.enrollment_state(
    exists (select from stopped where stopped.flow is null or stopped.flow = entered.flow),
    coalesce(count(*) filter (where own.status = 'pending'), 0)::integer,
    coalesce(count(*) filter (where own.status = 'sent'), 0)::integer,
    coalesce(bool_or(own.cause in ('exit_rule', 'replied', 'suppressed')), false)
  ) as state,
  min(own.due_at) filter (where own.status = 'pending') as next_due,
  coalesce(
    (array_agg(own.step order by own.scheduled_for, own.step_order)
      filter (where own.status = 'pending'))[1],
    (array_agg(own.step order by own.sent_at desc, own.step_order desc)
      filter (where own.status = 'sent'))[1]
  ) as step
from entered
left join own on own.flow = entered.flow
group by entered.flow
order by entered.flow;

-- name: message_counts
select message.status, count(*) as messages
from public.message_logs as message
where message.lead_id = %(lead_id)s
group by message.status;

-- name: undelivered_to_lead
-- What was sent to a lead and did not arrive, or was complained of, by the code or else the word.
select coalesce(message.delivery_code, message.delivery_status) as code, count(*) as count
from public.message_logs as message
where message.lead_id = %(lead_id)s
  and message.status = 'sent'
  and (
    flowctl.is_undelivered(message.delivery_status) or message.delivery_status = 'complained'
  )
group by coalesce(message.delivery_code, message.delivery_status)
order by count desc, code asc;

-- name: list_enrollments
with enrollment as (
  select
    message.lead_id,
    step.flow,
    count(*) filter (where message.status = 'pending')::integer as pending,
    count(*) filter (where message.status = 'sent')::integer as sent,
    coalesce(bool_or(message.cause in ('exit_rule', 'replied', 'suppressed')), false) as has_left,
    min(message.due_at) filter (where message.status = 'pending') as next_due,
    coalesce(
      (array_agg(coalesce(step.key, '#' || step.step_order)
        order by message.scheduled_for, step.step_order)
        filter (where message.status = 'pending'))[1],
      (array_agg(coalesce(step.key, '#' || step.step_order)
        order by message.sent_at desc, step.step_order desc)
        filter (where message.status = 'sent'))[1]
    ) as step
  from public.message_logs as message
  inner join public.flow_steps as step on step.id = message.flow_step_id
  where %(flow)s::text is null or step.flow = %(flow)s::text
  group by message.lead_id, step.flow
),
stated as (
  select
    enrollment.*,
    flowctl.enrollment_state(
      exists (
        select from flowctl.stops as stop
        where stop.lead_id = enrollment.lead_id
          and (stop.flow is null or stop.flow = enrollment.flow)
      ),
      enrollment.pending, enrollment.sent, enrollment.has_left
    ) as state
  from enrollment
)
select
  stated.flow,
  stated.state,
  stated.step,
  stated.next_due,
  lead.id::text as id,
  to_jsonb(lead) as row
from stated
inner join public.leads as lead on lead.id = stated.lead_id
where (%(state)s::text is null or stated.state = %(state)s::text)
  and (%(at)s::text is null or stated.step = %(at)s::text)
order by stated.next_due, lead.id, stated.flow
limit %(batch_size)s::bigint;
