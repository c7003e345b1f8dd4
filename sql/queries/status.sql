-- Where things stand, and what is to come. What is large is bounded or estimated: no statement's
-- work grows with the history.

-- name: is_large
-- Whether the messages take more than 64 MB: then nothing is counted to its end.
select pg_relation_size('public.message_logs') > 64 * 1024 * 1024;

-- name: every_status
-- A small table is read as a whole.
select message.status, count(*) as messages
from public.message_logs as message
group by message.status;

-- name: count_pending
select count(*) from (
  select message.due_at
  from public.message_logs as message
  where message.status = 'pending'
  order by message.message_type, message.due_at
  limit %(bound)s::bigint
) as bounded;

-- name: count_over
-- How many failed, or were cancelled.
select count(*) from (
  select message.scheduled_for
  from public.message_logs as message
  where message.status = %(status)s
  order by message.scheduled_for desc
  limit %(bound)s::bigint
) as newest;

-- name: count_sent
-- How many were sent since each of these times, in one walk from the newest.
select
  count(*) as ever,
  count(*) filter (where newest.sent_at >= %(hour)s::timestamptz) as hour,
  count(*) filter (where newest.sent_at >= %(today)s::timestamptz) as today,
  count(*) filter (where newest.sent_at >= %(since)s::timestamptz) as since
from (
  select message.sent_at
  from public.message_logs as message
  where message.status = 'sent'
  order by message.sent_at desc
  limit %(bound)s::bigint
) as newest;

-- name: with_status
-- To be explained, not run: how many the planner expects.
select message.id from public.message_logs as message
where message.status = %(status)s;

-- name: sent_from
-- To be explained, not run: without the status, which would count twice.
select message.id from public.message_logs as message
where message.sent_at >= %(since)s::timestamptz;

-- name: status_times
-- This moment, midnight in the zone of the flow `default`, and how far back is told of.
select
  flow.timezone as zone,
  now() as now,
  now() - interval '1 hour' as hour,
  now() - %(span)s::interval as since,
  flowctl.instant_of(
    date_trunc('day', flowctl.local_time(now(), flow.timezone)), flow.timezone
  ) as today
from public.flows as flow
where flow.name = 'default';

-- name: count_failed
-- What failed lately, by reason: the newest first, and so that the walk ends where the time does.
with newest as (
  select message.error_message as reason
  from public.message_logs as message
  where message.status = 'failed'
    and message.scheduled_for >= %(since)s::timestamptz
    and message.scheduled_for <= now()
  order by message.scheduled_for desc
  limit %(bound)s::bigint
)
select coalesce(newest.reason, '') as reason, count(*) as count
from newest
group by newest.reason
order by count desc, reason asc;

-- name: count_no_address
-- Of what was cancelled lately, what had no address.
select
  count(*) as cancelled,
  count(*) filter (where newest.cause = 'no_address') as messages
from (
  select message.cause
  from public.message_logs as message
  where message.status = 'cancelled'
    and message.scheduled_for >= %(since)s::timestamptz
    and message.scheduled_for <= now()
  order by message.scheduled_for desc
  limit %(bound)s::bigint
) as newest;

-- name: count_undelivered
-- What was sent lately and did not arrive, by the provider's code, or its word where it gave none.
with newest as (
  select coalesce(message.delivery_code, message.delivery_status) as code
  from public.message_logs as message
  where message.status = 'sent' and message.sent_at > now() - %(span)s::interval
    -- said so that the index of these few is used
    and message.delivery_status in ('failed', 'undelivered', 'canceled', 'bounced', 'refused')
  order by message.sent_at desc
  limit %(bound)s::bigint
)
select newest.code, count(*) as count
from newest
group by newest.code
order by count desc, code asc;

-- name: paused_flows
select flow.name from public.flows as flow where flow.paused_at is not null order by flow.name;

-- name: count_paused
-- What would be due were its flow not paused, by step and channel, in the order of their index.
select count(*) from (
  select waiting.id
  from public.flow_steps as step
  inner join public.flows as flow on flow.name = step.flow
  cross join (values ('email'), ('text')) as wanted (channel)
  cross join lateral (
    select message.id from public.message_logs as message
    where message.status = 'pending'
      and message.flow_step_id = any(array[step.id])
      and message.message_type = wanted.channel
      and message.due_at <= now()
    order by message.flow_step_id, message.message_type, message.due_at
    limit %(bound)s::bigint
  ) as waiting
  where flow.paused_at is not null
  limit %(bound)s::bigint
) as bounded;

-- name: unread_timezones
-- What the first 5,000 leads have as their zone and nobody can read, by how many. A table without
-- the column has none: then its name means the one of `given`.
with lead as (
  select own.timezone
  from (values (null::text)) as given (timezone)
  cross join lateral ( -- noqa: ST05
    select timezone::text as timezone from public.leads limit 5000
  ) as own
),
written as (
  select lead.timezone, count(*) as leads
  from lead
  -- something besides white space of any kind and marks that cannot be seen
  where lead.timezone
    ~ '[^\s\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff]'
  group by lead.timezone
)
select written.timezone as name, written.leads
from written
where flowctl.zone_of(written.timezone) is null
order by written.leads desc, written.timezone asc;

-- name: next_due
-- The earliest moment in the future at which something falls due.
with soonest as (
  (
    select message.due_at
    from public.message_logs as message
    where message.status = 'pending' and message.message_type = 'email' and message.due_at > now()
    order by message.due_at
    limit 1
  )
  union all
  (
    select message.due_at
    from public.message_logs as message
    where message.status = 'pending' and message.message_type = 'text' and message.due_at > now()
    order by message.due_at
    limit 1
  )
)
select min(soonest.due_at) from soonest;
