-- Whether an email is text or HTML, where its writer says so. A message has its step's, as it has
-- its subject and content; a sent one what it was sent as.

alter table public.flow_steps
add column if not exists format text
constraint flow_steps_format check (format in ('text', 'html'));

comment on column public.flow_steps.format is
'Of an email: text or html; null: told from its content.';

alter table public.message_logs
add column if not exists format text
constraint message_logs_format check (format in ('text', 'html'));

alter table flowctl.sends
add column if not exists format text;
