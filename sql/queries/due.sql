-- What is due, and whether anything is. `now` is null in production: the database's clock decides.

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
