-- What an operator sees of messages and does to them, beside running dispatchers.

-- name: steps_named
-- The steps that people call so: by key, by flow/key, by id.
select step.id
from public.flow_steps as step
where step.key = %(name)s::text
  or step.flow || '/' || step.key = %(name)s::text
  or step.id::text = lower(%(name)s::text);

-- name: step_names
select distinct step.key
from public.flow_steps as step
where step.key is not null
order by step.key;

-- name: select_messages
select
  message.id,
  message.lead_id::text as lead_id,
  step.flow,
  step.key,
  message.message_type,
  message.recipient as "to",
  message.subject,
  message.content,
  message.status,
  message.scheduled_for,
  message.sent_at,
  message.attempts,
  message.provider_id,
  message.delivery_status,
  message.error_message
from public.message_logs as message
left join public.flow_steps as step on step.id = message.flow_step_id
where message.status = coalesce(%(status)s::text, message.status)
  and message.lead_id = coalesce(%(lead_id)s, message.lead_id)
  and (%(steps)s::uuid[] is null or message.flow_step_id = any(%(steps)s::uuid[]))
  and (
    %(error)s::text is null
    or position(lower(%(error)s::text) in lower(message.error_message)) > 0
  )
  and (not %(undelivered)s::boolean or flowctl.is_undelivered(message.delivery_status))
order by message.scheduled_for, message.id
limit %(batch_size)s::bigint;

-- name: count_messages
-- How many select_messages would find without its limit.
select count(*)
from public.message_logs as message
where message.status = coalesce(%(status)s::text, message.status)
  and message.lead_id = coalesce(%(lead_id)s, message.lead_id)
  and (%(steps)s::uuid[] is null or message.flow_step_id = any(%(steps)s::uuid[]))
  and (
    %(error)s::text is null
    or position(lower(%(error)s::text) in lower(message.error_message)) > 0
  )
  and (not %(undelivered)s::boolean or flowctl.is_undelivered(message.delivery_status));

-- name: select_message
-- Everything about one message; the columns from `sending_since` on are of a send that has begun
-- and whose outcome is not recorded.
select
  message.id,
  message.lead_id::text as lead_id,
  step.flow,
  step.key,
  message.message_type,
  message.recipient as "to",
  message.subject,
  message.content,
  message.status,
  message.scheduled_for,
  message.sent_at,
  message.attempts,
  message.provider_id,
  message.delivery_status,
  message.delivery_code,
  message.error_message,
  message.created_at,
  message.flow_step_id,
  step.step_order,
  message.retry_at,
  message.claimed_by,
  message.lease_until,
  send.begun_at as sending_since,
  send.recipient as sending_to,
  send.transport as sending_by,
  message.is_unknown or coalesce(send.lease_until < now(), false) as is_unknown,
  case when message.cause in ('no_address', 'bad_address') then
    message.planned_for + coalesce(flow.expire_after, interval '1 day')
  end as waits_for_address_until
from public.message_logs as message
left join public.flow_steps as step on step.id = message.flow_step_id
left join public.flows as flow on flow.name = step.flow
left join flowctl.sends as send on send.message_id = message.id
where message.id = %(id)s::uuid;

-- name: choose_by_filter
-- The messages of these statuses that a filter means, and what may forbid touching them; those of a
-- lead in the order in which they are made pending again.
select
  message.id,
  message.status,
  message.message_type as channel,
  message.is_unknown,
  coalesce(message.planned_for > now(), false) as is_ahead,
  message.flow_step_id is null and not message.is_own as is_orphan,
  message.content = '' as is_redacted,
  send.message_id is not null as is_being_sent
from public.message_logs as message
left join flowctl.sends as send on send.message_id = message.id
left join public.flow_steps as step on step.id = message.flow_step_id
where message.status = any(%(statuses)s::text[])
  and message.lead_id = coalesce(%(lead_id)s, message.lead_id)
  and (%(steps)s::uuid[] is null or message.flow_step_id = any(%(steps)s::uuid[]))
  and (
    %(error)s::text is null
    or position(lower(%(error)s::text) in lower(message.error_message)) > 0
  )
  and (not %(undelivered)s::boolean or flowctl.is_undelivered(message.delivery_status))
order by message.lead_id, step.step_order;

-- name: choose_by_id
select
  message.id,
  message.status,
  message.message_type as channel,
  message.is_unknown,
  coalesce(message.planned_for > now(), false) as is_ahead,
  message.flow_step_id is null and not message.is_own as is_orphan,
  message.content = '' as is_redacted,
  send.message_id is not null as is_being_sent
from public.message_logs as message
left join flowctl.sends as send on send.message_id = message.id
left join public.flow_steps as step on step.id = message.flow_step_id
where message.id = any(%(ids)s::uuid[])
order by message.lead_id, step.step_order;

-- name: lock_messages
-- Takes hold of those of these messages that no dispatcher is working on, and waits for none: so
-- neither can be in the other's way. The next statement then sees every send that was begun.
select message.id
from public.message_logs as message
where message.id = any(%(ids)s::uuid[])
for no key update skip locked;

-- name: retry_messages
-- As if they had never been tried: one whose planned time lies ahead has that time again, the
-- others are due now, and go out in the order of their steps.
update public.message_logs as message
set
  status = 'pending',
  scheduled_for = greatest(coalesce(message.planned_for, message.scheduled_for), now()),
  planned_for = greatest(coalesce(message.planned_for, message.scheduled_for), now()),
  attempts = 0,
  error_message = null,
  cause = null,
  is_unknown = false,
  retry_at = null,
  claimed_by = null,
  lease_until = null
where message.id = any(%(ids)s::uuid[])
  and message.status in ('failed', 'cancelled')
  and (message.flow_step_id is not null or message.is_own)
  and message.content <> ''
  and not exists (select from flowctl.sends as send where send.message_id = message.id)
returning message.id;

-- name: cancel_messages
update public.message_logs as message
set
  status = 'cancelled',
  cause = %(cause)s::text,
  error_message = %(reason)s::text,
  claimed_by = null,
  lease_until = null
where message.id = any(%(ids)s::uuid[])
  and message.status = 'pending'
  and not exists (select from flowctl.sends as send where send.message_id = message.id)
returning message.id;
