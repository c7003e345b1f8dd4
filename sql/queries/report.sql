-- What a report shows: what was over since a moment, and the steps it belongs to.

-- name: report_steps
-- Every step with its funnel. Sent ones count by the time of sending, failed ones by the time they
-- had.
with ended as (
  select
    message.flow_step_id,
    count(*) filter (where message.status = 'sent') as sent,
    count(*) filter (where message.status = 'failed') as failed,
    count(*) filter (where message.status = 'cancelled') as cancelled,
    count(*) filter (where message.delivery_status = 'delivered') as delivered,
    count(*) filter (where flowctl.is_undelivered(message.delivery_status)) as bounced
  from public.message_logs as message
  where message.sent_at >= %(since)s::timestamptz
    or (
      message.status in ('failed', 'cancelled')
      and message.scheduled_for >= %(since)s::timestamptz and message.scheduled_for <= now()
    )
  group by message.flow_step_id
),
waiting as (
  select message.flow_step_id, count(*) as pending
  from public.message_logs as message
  where message.status = 'pending'
  group by message.flow_step_id
),
left_by as (
  select message.flow_step_id, count(*) as opted_out
  from public.suppressions as suppression
  inner join public.message_logs as message on message.id = suppression.message_id
  where suppression.source in ('reply', 'unsubscribe', 'complaint')
    and suppression.created_at >= %(since)s::timestamptz
  group by message.flow_step_id
)
select
  step.flow,
  step.key,
  step.step_order,
  step.type,
  step.day,
  step.time,
  step.subject,
  step.content,
  step.enabled and parent.enabled as is_on,
  parent.paused_at is not null as is_paused,
  coalesce(ended.sent, 0) as sent,
  coalesce(ended.delivered, 0) as delivered,
  coalesce(ended.failed, 0) as failed,
  coalesce(ended.cancelled, 0) as cancelled,
  coalesce(ended.bounced, 0) as bounced,
  coalesce(left_by.opted_out, 0) as opted_out,
  coalesce(waiting.pending, 0) as pending
from public.flow_steps as step
inner join public.flows as parent on parent.name = step.flow
left join ended on ended.flow_step_id = step.id
left join waiting on waiting.flow_step_id = step.id
left join left_by on left_by.flow_step_id = step.id
where %(flow)s::text is null or step.flow = %(flow)s::text
order by step.flow, step.step_order;

-- name: report_days
-- What was sent on each day of a zone, up to today.
with sent as (
  select
    message.message_type,
    flowctl.local_time(message.sent_at, %(zone)s::text)::date as date
  from public.message_logs as message
  left join public.flow_steps as step on step.id = message.flow_step_id
  where message.status = 'sent' and message.sent_at >= %(since)s::timestamptz
    and (%(flow)s::text is null or step.flow = %(flow)s::text)
)
select
  day.date::date as date,
  count(*) filter (where sent.message_type = 'email') as email,
  count(*) filter (where sent.message_type = 'text') as text
from generate_series(
  flowctl.local_time(%(since)s::timestamptz, %(zone)s::text)::date::timestamp,
  flowctl.local_time(now(), %(zone)s::text)::date::timestamp,
  '1 day'
) as day (date)
left join sent on sent.date = day.date::date
group by day.date
order by day.date;

-- name: report_failures
select message.error_message as reason, count(*) as count
from public.message_logs as message
left join public.flow_steps as step on step.id = message.flow_step_id
where message.status = 'failed'
  and message.scheduled_for >= %(since)s::timestamptz
  and (%(flow)s::text is null or step.flow = %(flow)s::text)
group by message.error_message
order by count desc, reason asc
limit 20;
