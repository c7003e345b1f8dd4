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

-- In the statements that follow `/* filter */` stands for the conditions of store/messages.py: one
-- filter for all of them.

-- name: select_pending
-- What is to come, the soonest first, with what names the lead and where it could be written to.
select
  message.id,
  message.lead_id::text as lead_id,
  step.flow,
  step.key,
  step.step_order,
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
  message.error_message,
  message.is_unknown,
  to_jsonb(lead) as lead
from public.message_logs as message
left join public.flow_steps as step on step.id = message.flow_step_id
left join public.leads as lead on lead.id = message.lead_id
where message.status = 'pending' /* filter */
order by message.scheduled_for, message.id
limit %(batch_size)s::bigint;

-- name: select_over
-- What is over, the newest first: sent ones by the time of sending, others by the time they had.
select
  message.id,
  message.lead_id::text as lead_id,
  step.flow,
  step.key,
  step.step_order,
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
  message.error_message,
  message.is_unknown,
  to_jsonb(lead) as lead
from (
  select newest.ctid as place
  from (
    -- each by its own index
    (
      select message.ctid, message.sent_at as ended_at, message.id
      from public.message_logs as message
      where message.status = 'sent' /* filter */
      order by message.sent_at desc
      limit %(batch_size)s::bigint
    )
    union all
    (
      select message.ctid, message.scheduled_for, message.id
      from public.message_logs as message
      where message.status in ('failed', 'cancelled') /* filter */
      order by message.scheduled_for desc
      limit %(batch_size)s::bigint
    )
  ) as newest
  order by newest.ended_at desc, newest.id asc
  limit %(batch_size)s::bigint
) as chosen
inner join public.message_logs as message on message.ctid = chosen.place
left join public.flow_steps as step on step.id = message.flow_step_id
left join public.leads as lead on lead.id = message.lead_id
order by coalesce(message.sent_at, message.scheduled_for) desc, message.id asc;

-- name: select_by_id
select
  message.id,
  message.lead_id::text as lead_id,
  step.flow,
  step.key,
  step.step_order,
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
  message.error_message,
  message.is_unknown,
  to_jsonb(lead) as lead
from public.message_logs as message
left join public.flow_steps as step on step.id = message.flow_step_id
left join public.leads as lead on lead.id = message.lead_id
where message.id = any(%(ids)s::uuid[])
order by message.scheduled_for, message.id;

-- name: ids_beginning
-- The messages whose id begins so: `low` and `high` are the least and the greatest such id.
select message.id
from public.message_logs as message
where message.id between %(low)s::uuid and %(high)s::uuid
order by message.id
limit 3;

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
-- The messages that a filter means, and what may forbid touching them; those of a lead in the order
-- in which they are made pending again.
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
where true /* filter */
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
