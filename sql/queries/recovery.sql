-- Sends that were begun and have no outcome: their dispatcher died, or no answer came.

-- name: rescue_expired
-- Ends the expired sends that cannot be looked up. An email may have gone out: it fails, and says
-- so. A file in an outbox is the same file when it is written again.
with expired as (
  delete from flowctl.sends as send
  where send.lease_until < now() and send.transport <> 'twilio'
  returning send.message_id, send.transport, send.recipient
)
update public.message_logs as message
set
  status = case when expired.transport = 'outbox' then message.status else 'failed' end,
  error_message = case
    when expired.transport = 'outbox' then message.error_message
    else 'unknown outcome: the dispatcher stopped while sending'
  end,
  is_unknown = expired.transport <> 'outbox',
  cause = null,
  recipient = expired.recipient,
  attempts = message.attempts + 1,
  claimed_by = null,
  lease_until = null
from expired
where message.id = expired.message_id and message.status in ('pending', 'cancelled')
returning message.id, expired.transport;

-- name: claim_lookups
-- Takes the texts whose outcome is unknown, to ask the provider about them. Of two dispatchers that
-- have seen one, the second finds that it is taken.
with expired as (
  select send.message_id from flowctl.sends as send
  where send.lease_until < now() and send.transport = 'twilio'
  order by send.begun_at, send.message_id
  limit %(batch_size)s
),
taken as (
  update flowctl.sends as send
  set claimed_by = %(run)s::uuid, lease_until = now() + %(lease)s::interval
  where send.message_id in (select expired.message_id from expired) and send.lease_until < now()
  returning send.message_id, send.recipient, send.content, send.begun_at
)
select
  taken.message_id, taken.recipient, taken.content, taken.begun_at, now() - taken.begun_at as age
from taken;

-- name: postpone_lookups
-- Their outcome stays unknown, also of those whose dispatcher died and said nothing.
with postponed as (
  update flowctl.sends as send
  set lease_until = now() + %(pause)s::interval
  where send.message_id = any(%(ids)s::uuid[]) and send.claimed_by = %(run)s::uuid
  returning send.message_id
)
update public.message_logs as message
set is_unknown = true
from postponed
where message.id = postponed.message_id and message.status = 'pending' and not message.is_unknown;

-- name: resolve_found
-- The provider has them: they were sent, when they were begun. One is left for later if the record
-- may belong to another send to the number, which is under way or was recorded meanwhile.
with recorded as materialized (
  select other.provider_id
  from public.message_logs as other
  where other.status = 'sent' and other.message_type = 'text'
    and other.sent_at > now() - interval '3 days'
    and other.provider_id = any(%(provider_ids)s::text[])
),
found as materialized (
  select given.*
  from unnest(%(ids)s::uuid[], %(provider_ids)s::text[]) as given (id, provider_id)
  where given.provider_id not in (select recorded.provider_id from recorded)
),
others as materialized (
  select other.recipient
  from flowctl.sends as other
  where other.message_id <> all(%(asked)s::uuid[])
),
finished as (
  delete from flowctl.sends as send
  using found
  where send.message_id = found.id and send.claimed_by = %(run)s::uuid
    and send.recipient not in (select others.recipient from others)
  returning send.message_id, send.recipient, send.subject, send.content, send.begun_at,
    found.provider_id
)
update public.message_logs as message
set
  status = 'sent',
  sent_at = finished.begun_at,
  error_message = null,
  is_unknown = false,
  cause = null,
  provider_id = finished.provider_id,
  recipient = finished.recipient,
  subject = finished.subject,
  content = finished.content,
  attempts = greatest(message.attempts, 1),
  claimed_by = null,
  lease_until = null
from finished
where message.id = finished.message_id and message.status <> 'sent'
returning message.id;

-- name: resolve_missing
-- The provider does not have them: they are due again, or failed after the last attempt. One that
-- was cancelled meanwhile stays so. An attempt whose dispatcher died is not counted yet, and its
-- claim is still there.
with finished as (
  delete from flowctl.sends as send
  where send.message_id = any(%(ids)s::uuid[]) and send.claimed_by = %(run)s::uuid
  returning send.message_id
),
counted as (
  select message.id, message.attempts + (message.claimed_by is not null)::integer as attempts
  from public.message_logs as message
  where message.id in (select finished.message_id from finished)
),
resolved as materialized (
  select
    counted.*,
    format('gave up after %%s attempts: not found at the provider', counted.attempts) as given_up
  from counted
)
update public.message_logs as message
set
  status = case when resolved.attempts < %(max_attempts)s::integer then 'pending' else 'failed' end,
  error_message = case
    when resolved.attempts < %(max_attempts)s::integer then 'not found at the provider: sent again'
    else resolved.given_up
  end,
  is_unknown = false,
  attempts = resolved.attempts,
  claimed_by = null,
  lease_until = null
from resolved
where message.id = resolved.id and message.status = 'pending'
returning message.id, message.status = 'failed' as has_failed;

-- name: known_provider_ids
-- Which of these messages of the provider are already accounted for, samples among them.
select message.provider_id
from public.message_logs as message
where message.status = 'sent' and message.message_type = 'text'
  and message.sent_at > now() - interval '3 days'
  and message.provider_id = any(%(provider_ids)s::text[])
union all
select sample.provider_id
from flowctl.samples as sample
where sample.provider_id = any(%(provider_ids)s::text[]);
