-- A message that never had a step is told apart from one whose step was deleted.

alter table public.message_logs
add column if not exists is_own boolean not null default false;

comment on column public.message_logs.is_own is
'Inserted without a step, by a CRM: sent as it stands, with no flow''s settings.';
