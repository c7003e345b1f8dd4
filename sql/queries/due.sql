-- What is due, and whether anything is. `now` is null in production: the database's clock decides.
-- `slot` of `slots` is the share of the leads that is looked at, null for all of them. With null
-- its condition is gone before a plan is made; else it is said so that the planner expects to keep
-- half of them, and walks the index in order.

-- name: count_due
select count(*)
from flowctl.free_messages as free
where free.message_type = %(channel)s
  and free.due_at <= coalesce(%(now)s::timestamptz, now());

-- name: is_due
-- Whether there is anything to do on these channels: a look at what each step of a flow that is not
-- paused has due first, and at the messages without a step.
with step as (
  select flow_step.id
  from public.flow_steps as flow_step
  inner join public.flows as flow on flow.name = flow_step.flow
  where flow.paused_at is null
),
wanted as (
  select unnest(%(channels)s::text[]) as channel
)
select exists (
  select from wanted
  cross join step
  cross join lateral (
    select from flowctl.free_messages as free
    -- said as a list, and in this order, so that no other index suits
    where free.flow_step_id = any(array[step.id])
      and free.message_type = wanted.channel
      and free.due_at <= coalesce(%(now)s::timestamptz, now())
      and (
        %(slots)s::integer is null or coalesce(
          flowctl.slot_of(free.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
        )
      )
    order by free.flow_step_id, free.message_type, free.due_at
    limit 1
  ) as due
) or exists (
  select from wanted
  cross join lateral (
    select from flowctl.free_messages as free
    where free.flow_step_id is null
      and free.message_type = wanted.channel
      and free.due_at <= coalesce(%(now)s::timestamptz, now())
      and (
        %(slots)s::integer is null or coalesce(
          flowctl.slot_of(free.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
        )
      )
    order by free.flow_step_id, free.message_type, free.due_at
    limit 1
  ) as due
);

-- name: due_by_channel
-- What is due, counted up to a bound, and for how many seconds the oldest has been: of the steps of
-- flows that are not paused, and of no step. Only a step that has something due is looked into.
with step as materialized (
  select flow_step.id
  from public.flow_steps as flow_step
  inner join public.flows as flow on flow.name = flow_step.flow
  where flow.paused_at is null
),
wanted (channel) as (
  values ('email'), ('text')
),
oldest as materialized (
  select wanted.channel, step.id as flow_step_id, own.due_at
  from wanted
  cross join step
  cross join lateral ( -- noqa: ST05
    select free.due_at
    from flowctl.free_messages as free
    -- said as a list, and in this order, so that no other index suits
    where free.flow_step_id = any(array[step.id])
      and free.message_type = wanted.channel
      and free.due_at <= now()
    order by free.flow_step_id, free.message_type, free.due_at
    limit 1
  ) as own
  union all
  select wanted.channel, null as flow_step_id, own.due_at
  from wanted
  cross join lateral ( -- noqa: ST05
    select free.due_at
    from flowctl.free_messages as free
    where free.flow_step_id is null
      and free.message_type = wanted.channel
      and free.due_at <= now()
    order by free.flow_step_id, free.message_type, free.due_at
    limit 1
  ) as own
),
channel as (
  select oldest.channel as name, min(oldest.due_at) as due_at
  from oldest
  group by oldest.channel
)
select
  channel.name as channel,
  counted.messages,
  floor(extract(epoch from now() - channel.due_at))::bigint as oldest_seconds
from channel
cross join lateral ( -- noqa: ST05
  select count(*) as messages from (
    (
      select waiting.id
      from oldest
      cross join lateral (
        select free.id
        from flowctl.free_messages as free
        where free.flow_step_id = any(array[oldest.flow_step_id])
          and free.message_type = channel.name
          and free.due_at <= now()
        order by free.flow_step_id, free.message_type, free.due_at
        limit %(bound)s::bigint
      ) as waiting
      where oldest.channel = channel.name
      limit %(bound)s::bigint
    )
    union all
    (
      select free.id
      from flowctl.free_messages as free
      where free.flow_step_id is null
        and free.message_type = channel.name
        and free.due_at <= now()
      order by free.flow_step_id, free.message_type, free.due_at
      limit %(bound)s::bigint
    )
    limit %(bound)s::bigint
  ) as bounded
) as counted;

-- name: choose_due
-- What is due on one channel, in order, locked. With a message come those of earlier steps of its
-- flow to the same lead that are due as well: they go out first. While a flow is paused, each step
-- of the others is looked at by itself, or the walk would pass all that the pause holds back; more
-- than a batch of each without a slot, since others may be claiming the same.
with running as materialized (
  select step.id
  from public.flow_steps as step
  inner join public.flows as flow on flow.name = step.flow
  where flow.paused_at is null
    and exists (select from public.flows as other where other.paused_at is not null)
  union all
  -- messages without a step are in no flow
  select null where exists (select from public.flows as other where other.paused_at is not null)
),
due_in_order as materialized (
  select
    message.ctid as place, message.id, message.lead_id, message.flow_step_id, message.status,
    message.due_at, message.scheduled_for, message.planned_for, message.is_own
  from flowctl.free_messages as free
  -- one that was changed since the look stands elsewhere, and is left to the next
  inner join public.message_logs as message on message.ctid = free.place
  where not exists (select from running)
    and free.message_type = %(channel)s
    and free.due_at <= coalesce(%(now)s::timestamptz, now())
    and free.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
    and (
      %(slots)s::integer is null or coalesce(
        flowctl.slot_of(free.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
      )
    )
  order by free.due_at, free.id
  limit %(batch_size)s
  for update of message skip locked
),
due_by_step as materialized (
  select
    message.ctid as place, message.id, message.lead_id, message.flow_step_id, message.status,
    message.due_at, message.scheduled_for, message.planned_for, message.is_own
  from running
  cross join lateral (
    (
      select free.place, free.due_at, free.id
      from flowctl.free_messages as free
      -- said as a list, and in this order, so that no other index suits
      where free.flow_step_id = any(array[running.id])
        and free.message_type = %(channel)s
        and free.due_at <= coalesce(%(now)s::timestamptz, now())
        and free.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
        and (
          %(slots)s::integer is null or coalesce(
            flowctl.slot_of(free.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
          )
        )
      order by free.flow_step_id, free.message_type, free.due_at, free.id
      limit case when %(slots)s::integer is null then 4 else 1 end * %(batch_size)s
    )
    union all
    (
      select free.place, free.due_at, free.id
      from flowctl.free_messages as free
      where running.id is null
        and free.flow_step_id is null
        and free.message_type = %(channel)s
        and free.due_at <= coalesce(%(now)s::timestamptz, now())
        and free.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
        and (
          %(slots)s::integer is null or coalesce(
            flowctl.slot_of(free.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
          )
        )
      order by free.flow_step_id, free.message_type, free.due_at, free.id
      limit case when %(slots)s::integer is null then 4 else 1 end * %(batch_size)s
    )
  ) as own
  inner join public.message_logs as message on message.ctid = own.place
  order by own.due_at, own.id
  limit %(batch_size)s
  for update of message skip locked
),
due as materialized (
  select due_in_order.* from due_in_order
  union all
  select due_by_step.* from due_by_step
),
earlier_step as materialized (
  select step.id, array_agg(earlier.id) as ids
  from public.flow_steps as step
  inner join public.flow_steps as earlier
    on earlier.flow = step.flow and earlier.step_order < step.step_order
  where step.id in (select due.flow_step_id from due)
  group by step.id
),
ahead as materialized (
  -- the pending messages that each of them comes after
  select due.id as waiting_id, message.place, message.id
  from due
  inner join earlier_step on earlier_step.id = due.flow_step_id
  cross join lateral (
    -- offset 0: by the lead, whatever the statistics say
    select own.ctid as place, own.id, own.message_type, own.status
    from public.message_logs as own
    where own.lead_id = due.lead_id and own.flow_step_id = any(earlier_step.ids)
    offset 0
  ) as message
  where message.status = 'pending' and message.message_type = %(channel)s
),
pulled as materialized (
  select
    message.ctid as place, message.id, message.lead_id, message.flow_step_id, message.status,
    message.due_at, message.scheduled_for, message.planned_for, message.is_own
  from public.message_logs as message
  where message.ctid = any(array(
      select ahead.place from ahead where ahead.id not in (select due.id from due)
    ))
    and exists (
      -- offset 0: message by message, not all that is due
      select from flowctl.free_messages as free
      where free.place = message.ctid and free.due_at <= coalesce(%(now)s::timestamptz, now())
      offset 0
    )
  for update of message skip locked
)
select
  taken.id, taken.lead_id, taken.flow_step_id, taken.status, taken.due_at, taken.scheduled_for,
  taken.planned_for, taken.is_own, taken.is_pulled, found.lead,
  taken.is_pulled or taken.id in (select ahead.waiting_id from ahead) as has_earlier
from (
  select due.*, false as is_pulled from due
  union all
  select pulled.*, true from pulled
) as taken
left join lateral (
  -- offset 0: made into JSON once, by the lead's index
  select to_jsonb(lead) as lead
  from public.leads as lead
  where lead.id = taken.lead_id
  offset 0
) as found on true;
