-- Samples that `steps test` sent: they count in the hourly limit, and reconcile takes none of them
-- for a message with the same words. Kept for 30 days, as the provider's lists are read.

create table if not exists flowctl.samples (
  provider_id text primary key,
  channel text not null,
  sent_at timestamptz not null default now()
);

comment on table flowctl.samples is 'What `steps test` sent in the last 30 days.';
