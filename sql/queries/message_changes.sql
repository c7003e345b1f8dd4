-- What an operator does to messages, beside running dispatchers.

-- name: choose_messages
-- The messages that a filter means, and what may forbid touching them; those of a lead in the order
-- in which they are made pending again.
select
  message.id,
  message.status,
  message.message_type as channel,
  message.is_unknown,
  stopped.is_stopped,
  coalesce(message.planned_for > now(), false) as is_ahead,
  message.flow_step_id is null and not message.is_own as is_orphan,
  message.content = '' as is_redacted,
  send.message_id is not null as is_being_sent
from public.message_logs as message
left join flowctl.sends as send
  on send.message_id = message.id and send.lead_id = message.lead_id
left join public.flow_steps as step on step.id = message.flow_step_id
cross join lateral (
  select count(*) > 0 as is_stopped
  from flowctl.stops as stop
  where stop.lead_id = message.lead_id and (stop.flow is null or stop.flow = step.flow)
) as stopped
where true /* filter */
order by message.lead_id, step.step_order;

-- name: lock_messages
-- Takes hold of those of these messages that no dispatcher is working on, and waits for none: so
-- neither can be in the other's way. The next statement then sees every send that was begun.
select message.id
from public.message_logs as message
where message.id = any(%(ids)s::uuid[])
for no key update skip locked;

-- name: lock_messages_over_nodes
-- As lock_messages; no lock skips what is locked there, so it waits for the dispatchers.
update public.message_logs as message
set lease_until = message.lease_until
where message.id = any(%(ids)s::uuid[])
returning message.id;

-- name: retry_messages
-- As if they had never been tried: one whose planned time lies ahead has that time again, the
-- others are due now, and go out in the order of their steps. None of a lead that is stopped.
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
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
  and not exists (
    select from flowctl.stops as stop
    where stop.lead_id = message.lead_id
      and (
        stop.flow is null
        or stop.flow = (
          select step.flow from public.flow_steps as step where step.id = message.flow_step_id
        )
      )
  )
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
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
returning message.id;
