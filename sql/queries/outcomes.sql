-- What became of messages. `now` is as for claims.

-- name: record_outcomes
-- Writes what became of messages, and ends their sends. That one was accepted, or may have been, is
-- written whoever holds it by now: it is the truth. Anything else only by the run whose claim it
-- still is.
with result as (
  select
    given.*,
    coalesce(%(now)s::timestamptz, now()) as recorded_at,
    coalesce(%(now)s::timestamptz, now()) + make_interval(secs => given.pause_seconds) as retry_at
  from json_to_recordset(%(results)s::json) as given (
    id uuid, status text, error text, provider_id text, pause_seconds double precision,
    attempted boolean, is_unknown boolean, cause text
  )
),
finished as (
  delete from flowctl.sends as send
  where send.message_id = any(array(select result.id from result))
    and send.claimed_by = %(run)s::uuid
  returning send.message_id, send.recipient, send.subject, send.content, send.format
),
ended as materialized (
  select
    result.*, finished.recipient, finished.subject, finished.content, finished.format
  from result
  left join finished on finished.message_id = result.id
)
update public.message_logs as message
set
  status = ended.status,
  sent_at = case when ended.status = 'sent' then ended.recorded_at end,
  error_message = ended.error,
  cause = ended.cause,
  is_unknown = ended.is_unknown,
  provider_id = coalesce(ended.provider_id, message.provider_id),
  recipient = coalesce(ended.recipient, message.recipient),
  subject = case
    when ended.status = 'sent' then coalesce(ended.subject, message.subject)
    else message.subject
  end,
  content = case
    when ended.status = 'sent' then coalesce(ended.content, message.content)
    else message.content
  end,
  format = case
    when ended.status = 'sent' then coalesce(ended.format, message.format)
    else message.format
  end,
  attempts = message.attempts + ended.attempted::integer,
  retry_at = ended.retry_at,
  claimed_by = null,
  lease_until = null
from ended
where message.id = ended.id
  -- by its key, however small the table is
  and message.id = any(array(select result.id from result))
  and (
    (message.status = 'pending' and message.claimed_by = %(run)s::uuid)
    or (ended.status = 'sent' and message.status <> 'sent')
    or (ended.is_unknown and message.status in ('pending', 'cancelled'))
  )
returning message.id;

-- name: keep_unknown_texts
-- A text that was handed over and not answered for keeps its send: it is looked up at the provider.
with given as (
  select unnest(%(ids)s::uuid[]) as id, unnest(%(errors)s::text[]) as error
),
kept as (
  update flowctl.sends as send
  set lease_until = now() + %(pause)s::interval
  from given
  where send.message_id = given.id and send.claimed_by = %(run)s::uuid
  returning send.message_id
)
update public.message_logs as message
set
  error_message = given.error,
  is_unknown = true,
  attempts = message.attempts + 1,
  claimed_by = null,
  lease_until = null
from given
inner join kept on kept.message_id = given.id
where message.id = given.id and message.status = 'pending' and message.claimed_by = %(run)s::uuid
returning message.id;
