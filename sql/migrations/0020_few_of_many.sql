-- Few among many, to be found without looking through what went well: messages that did not arrive
-- (the words of flowctl.is_undelivered) and those whose outcome is unknown.

create index if not exists message_logs_undelivered on public.message_logs (sent_at)
where status = 'sent'
and delivery_status in ('failed', 'undelivered', 'canceled', 'bounced', 'refused');

create index if not exists message_logs_unknown on public.message_logs (scheduled_for)
where is_unknown;
