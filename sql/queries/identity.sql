-- Whether this database is the one that sends.

-- name: why_copy
-- What makes this database a copy; null for the one that sends.
select flowctl.why_copy() as reason;

-- name: last_known
-- Until when it is known what was sent, and how many emails are due that may have gone out since.
select
  (select max(message.sent_at) from public.message_logs as message) as sent_at,
  (
    select count(*) from flowctl.free_messages as free
    where free.message_type = 'email' and free.due_at <= now()
  ) as emails;
