-- Where things stand, and what is to come. Only count_statuses looks at all rows that are done.

-- name: count_statuses
-- Messages by status, those that failed by reason.
select
  message.status,
  case when message.status = 'failed' then message.error_message end as reason,
  count(*) as messages
from public.message_logs as message
group by
  message.status,
  case when message.status = 'failed' then message.error_message end;

-- name: count_undelivered
-- What was sent lately and did not arrive, by the provider's code, or its word where it gave none.
select told.messages as count, coalesce(told.delivery_code, told.delivery_status) as code
from (
  select message.delivery_status, message.delivery_code, count(*) as messages
  from public.message_logs as message
  where message.status = 'sent'
    and message.sent_at > now() - %(span)s::interval
    and message.delivery_status is not null
  group by message.delivery_status, message.delivery_code
) as told
where flowctl.is_undelivered(told.delivery_status)
order by told.messages desc, code asc;

-- name: due_by_channel
-- What is due, and for how many seconds the oldest has been.
select
  free.message_type as channel,
  count(*) as messages,
  floor(extract(epoch from now() - min(free.due_at)))::bigint as oldest_seconds
from flowctl.free_messages as free
where free.due_at <= now()
group by free.message_type;

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

-- name: forecast
-- What falls due on each of the coming days in the zone of the flow `default`, today first; what is
-- overdue counts for today.
with local_now as (
  select flow.timezone as zone, flowctl.local_time(now(), flow.timezone)::date as today
  from public.flows as flow
  where flow.name = 'default'
),
place as materialized (
  select
    local_now.zone,
    local_now.today,
    flowctl.instant_of((local_now.today + %(days)s::integer)::timestamp, local_now.zone) as ends
  from local_now
),
pending as (
  select
    message.message_type,
    flowctl.local_time(greatest(message.due_at, now()), place.zone)::date as date
  from place
  inner join public.message_logs as message on message.due_at < place.ends
  where message.status = 'pending'
),
falling as (
  select
    pending.date,
    count(*) filter (where pending.message_type = 'email') as email,
    count(*) filter (where pending.message_type = 'text') as text
  from pending
  group by pending.date
)
select
  place.zone,
  place.today + coming.number as date,
  coalesce(falling.email, 0) as email,
  coalesce(falling.text, 0) as text
from place
cross join generate_series(0, %(days)s::integer - 1) as coming (number)
left join falling on falling.date = place.today + coming.number
order by coming.number;
