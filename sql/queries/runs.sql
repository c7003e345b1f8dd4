-- The history of dispatch, which each run writes about itself.

-- name: new_run_id
select gen_random_uuid();

-- name: start_run
-- Enters a run, and forgets those of more than 30 days ago.
with forgotten as (
  delete from flowctl.runs as old
  where old.started_at < now() - interval '30 days' and old.id <> %(id)s::uuid
)
insert into flowctl.runs (id, host, is_loop)
values (%(id)s::uuid, %(host)s::text, coalesce(%(is_loop)s::boolean, false));

-- name: update_run
-- What a run did so far; with an exit status it is over.
update flowctl.runs as run
set
  seen_at = now(),
  sent = %(sent)s::bigint,
  failed = %(failed)s::bigint,
  stopped = %(stopped)s::jsonb,
  ended_at = case when %(exit_status)s::integer is not null then now() end,
  exit_status = %(exit_status)s::integer
where run.id = %(id)s::uuid;

-- name: last_run
-- The one that began last, running ones included.
select
  run.host, run.started_at, run.ended_at, run.sent, run.failed, run.exit_status,
  run.seen_at, run.stopped,
  run.ended_at is null and run.seen_at > now() - %(silence)s::interval as is_at_work,
  floor(extract(epoch from now() - coalesce(run.ended_at, run.seen_at)))::bigint as seconds_ago
from flowctl.runs as run
order by run.started_at desc, run.id desc
limit 1;

-- name: dispatchers
-- Who is at work: told of within `silence`, and not at an end.
select run.host, run.started_at as since
from flowctl.runs as run
where run.ended_at is null and run.seen_at > now() - %(silence)s::interval
order by run.started_at, run.id;
