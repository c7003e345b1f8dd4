-- Whether anything is due. `now` is null in production: the database's clock decides.

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
