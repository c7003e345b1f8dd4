-- Whether anything is due. `now` is null in production: the database's clock decides.

-- name: count_due
select count(*)
from flowctl.free_messages as free
where free.message_type = %(channel)s
  and free.due_at <= coalesce(%(now)s::timestamptz, now());

-- name: is_due
-- Whether there is anything to do on these channels: a look at the head of the index.
with wanted as (
  select unnest(%(channels)s::text[]) as channel
)
select exists(
  select from wanted
  cross join lateral (
    select from flowctl.free_messages as free
    where free.message_type = wanted.channel
      and free.due_at <= coalesce(%(now)s::timestamptz, now())
    -- else a look through the table may be expected to find one sooner
    order by free.due_at
    limit 1
  ) as due
);
