-- Stopping leads: out of a flow, or of all, until they are resumed. The type of their id is the
-- user's choice: ids come as text and are read in the type of message_logs.lead_id.

-- name: lock_lead
-- Keeps another stop, resume or enrollment of the lead waiting until the end of the transaction.
select pg_advisory_xact_lock(hashtext('flowctl.lead'), hashtext(%(lead_id)s::text));

-- name: stops_of_lead
select stop.flow, stop.reason, stop.stopped_at
from flowctl.stops as stop
where stop.lead_id = %(lead_id)s
order by stop.flow nulls first;

-- name: add_stop
insert into flowctl.stops (lead_id, flow, reason)
values (%(lead_id)s, %(flow)s::text, %(reason)s::text)
on conflict do nothing;

-- name: remove_stops
-- Of one flow, or (null) all of the lead's stops.
delete from flowctl.stops as stop
where stop.lead_id = %(lead_id)s
  and (%(flow)s::text is null or stop.flow = %(flow)s::text);

-- name: lock_pending_of_lead
-- Waits for the dispatchers that are about to begin one of them: the next statement then sees every
-- send that was begun.
select message.id
from public.message_logs as message
where message.lead_id = %(lead_id)s and message.status = 'pending'
order by message.id
for no key update;

-- name: stop_messages
-- Cancels what is pending and not being sent, of one flow or of all.
update public.message_logs as message
set
  status = 'cancelled',
  cause = 'stopped',
  error_message = %(reason)s::text,
  claimed_by = null,
  lease_until = null
where message.lead_id = %(lead_id)s
  and message.status = 'pending'
  and (
    %(flow)s::text is null
    or message.flow_step_id in (
      select step.id from public.flow_steps as step where step.flow = %(flow)s::text
    )
  )
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  );

-- name: being_sent
select count(*)
from flowctl.sends as send
left join public.flow_steps as step on step.id = send.flow_step_id
where send.lead_id = %(lead_id)s
  and (%(flow)s::text is null or step.flow = %(flow)s::text);

-- name: restore_stopped
-- Brings back what a stop cancelled and whose planned time lies ahead, unless the lead is still
-- stopped in that flow.
with restorable as (
  select own.id
  from public.message_logs as own
  left join public.flow_steps as step on step.id = own.flow_step_id
  left join flowctl.stops as stop
    on stop.lead_id = own.lead_id and (stop.flow is null or stop.flow = step.flow)
  where own.lead_id = %(lead_id)s
    and own.status = 'cancelled'
    and own.cause = 'stopped'
    and own.planned_for > now()
    and (%(flow)s::text is null or step.flow = %(flow)s::text)
    and stop.lead_id is null
)
update public.message_logs as message
set
  status = 'pending',
  cause = null,
  error_message = null,
  scheduled_for = message.planned_for,
  retry_at = null
from restorable
where message.lead_id = %(lead_id)s and message.id = restorable.id;

-- name: stopped_messages
-- What a stop cancelled and is not brought back, with why: its time is over.
select
  message.id,
  message.planned_for,
  step.flow,
  coalesce(step.key, '#' || step.step_order) as step
from public.message_logs as message
left join public.flow_steps as step on step.id = message.flow_step_id
where message.lead_id = %(lead_id)s
  and message.status = 'cancelled'
  and message.cause = 'stopped'
  and (%(flow)s::text is null or step.flow = %(flow)s::text)
order by message.planned_for, step.step_order;
