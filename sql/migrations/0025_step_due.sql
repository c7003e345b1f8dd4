-- What is due of one step, in the order it is sent: where a flow is paused, the steps of the others
-- are looked at one by one, and not past all that waits. As in message_logs_due no claim column is
-- named.
create index if not exists message_logs_step_due
on public.message_logs (flow_step_id, message_type, due_at, id) where status = 'pending';
