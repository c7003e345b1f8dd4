-- What is over by its state, and everything of a step by its channel, state and time: few are found
-- among many others, in the order in which they are listed. Each takes the place of an index, so
-- that writing a message costs no more.

create index if not exists message_logs_state_over
on public.message_logs (status, scheduled_for) where status in ('failed', 'cancelled');
drop index if exists public.message_logs_over;

create index if not exists message_logs_step_state on public.message_logs (
  flow_step_id,
  message_type,
  status,
  (case status when 'sent' then sent_at when 'pending' then due_at else scheduled_for end)
);
drop index if exists public.message_logs_step_recipient;
