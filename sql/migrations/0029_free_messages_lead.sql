-- One text of the view on one machine and over several nodes: a message is looked for by its lead
-- and its id, and whether it is being sent is asked for each by itself, as a value, which no
-- planner makes a join of (0027_free_messages says why).
create or replace view flowctl.free_messages as
select
  message.ctid as place,
  message.id,
  message.message_type,
  message.flow_step_id,
  message.due_at,
  message.lead_id
from public.message_logs as message
where message.status = 'pending'
  and (message.lease_until is null or message.lease_until < now())
  -- written so that the planner expects to keep half of the messages, and walks the index in order
  and coalesce(
    (
      select false from flowctl.sends as send
      where send.lead_id = message.lead_id and send.message_id = message.id
    ),
    true
  )
  -- the list is made once, and is nearly always empty
  and coalesce(
    message.flow_step_id <> all(array(
      select step.id
      from public.flow_steps as step
      inner join public.flows as flow on flow.name = step.flow
      where flow.paused_at is not null
    )),
    true
  );
