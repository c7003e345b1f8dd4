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

-- name: all_pending
select message.id from public.message_logs as message
where message.status = 'pending';

-- name: all_sent
select message.id from public.message_logs as message
where message.status = 'sent'
order by message.sent_at desc;

-- name: sent_from
select message.id from public.message_logs as message
where message.status = 'sent' and message.sent_at >= %(since)s::timestamptz
order by message.sent_at desc;

-- name: over_by_status
-- The newest that failed or were cancelled; all of them where that is fewer than the bound.
select newest.status, count(*) as messages
from (
  select message.status
  from public.message_logs as message
  where message.status in ('failed', 'cancelled')
  order by message.scheduled_for desc
  limit %(bound)s::bigint
) as newest
group by newest.status;

-- name: with_status
-- To be explained, not run: how many the planner expects.
select message.id from public.message_logs as message
where message.status = %(status)s;

-- name: all_due
-- To be explained, not run.
select message.id from public.message_logs as message
where message.status = 'pending' and message.message_type = %(channel)s
  and message.due_at <= now();

-- name: status_times
-- This moment, midnight in the zone of the flow `default`, and how far back is told of.
select
  flow.timezone as zone,
  now() as now,
  now() - %(span)s::interval as since,
  flowctl.instant_of(
    date_trunc('day', flowctl.local_time(now(), flow.timezone)), flow.timezone
  ) as today
from public.flows as flow
where flow.name = 'default';

-- name: over_lately
-- What failed lately, by reason, and what had no address: of the newest messages only, and so that
-- the walk ends where the time does.
with newest as (
  select message.status, message.cause, message.error_message
  from public.message_logs as message
  where message.status in ('failed', 'cancelled')
    and message.scheduled_for >= %(since)s::timestamptz
    and message.scheduled_for <= now()
  order by message.scheduled_for desc
  limit %(bound)s::bigint
)
select
  coalesce(newest.cause = 'no_address', false) as has_no_address,
  case when newest.cause = 'no_address' then null else newest.error_message end as reason,
  count(*) as messages
from newest
where newest.status = 'failed' or newest.cause = 'no_address'
group by has_no_address, reason
order by messages desc, reason asc;

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

-- name: due_by_channel
-- What is due, counted up to a bound, and for how many seconds the oldest has been: of the steps of
-- flows that are not paused, and of no step.
with step as materialized (
  select flow_step.id
  from public.flow_steps as flow_step
  inner join public.flows as flow on flow.name = flow_step.flow
  where flow.paused_at is null
)
select
  wanted.channel,
  counted.messages,
  floor(extract(epoch from now() - least(of_steps.due_at, of_none.due_at)))::bigint
    as oldest_seconds
from (values ('email'), ('text')) as wanted (channel)
cross join lateral ( -- noqa: ST05
  select count(*) as messages from (
    (
      select waiting.id
      from step
      cross join lateral (
        select free.id
        from flowctl.free_messages as free
        -- said as a list, and in this order, so that no other index suits
        where free.flow_step_id = any(array[step.id])
          and free.message_type = wanted.channel
          and free.due_at <= now()
        order by free.flow_step_id, free.message_type, free.due_at
        limit %(bound)s::bigint
      ) as waiting
      limit %(bound)s::bigint
    )
    union all
    (
      select free.id
      from flowctl.free_messages as free
      where free.flow_step_id is null
        and free.message_type = wanted.channel
        and free.due_at <= now()
      order by free.flow_step_id, free.message_type, free.due_at
      limit %(bound)s::bigint
    )
    limit %(bound)s::bigint
  ) as bounded
) as counted
cross join lateral ( -- noqa: ST05
  select min(first.due_at) as due_at
  from step
  cross join lateral (
    select free.due_at
    from flowctl.free_messages as free
    where free.flow_step_id = any(array[step.id])
      and free.message_type = wanted.channel
      and free.due_at <= now()
    order by free.flow_step_id, free.message_type, free.due_at
    limit 1
  ) as first
) as of_steps
left join lateral (
  select free.due_at
  from flowctl.free_messages as free
  where free.flow_step_id is null
    and free.message_type = wanted.channel
    and free.due_at <= now()
  order by free.flow_step_id, free.message_type, free.due_at
  limit 1
) as of_none on true
where counted.messages > 0;

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
