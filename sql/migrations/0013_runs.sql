-- What dispatchers did, written by themselves: one row for each run that sends.

create table if not exists flowctl.runs (
  id uuid primary key,
  host text not null,
  is_loop boolean not null,
  started_at timestamptz not null default now(),
  -- at work while this is not long ago and `ended_at` is null
  seen_at timestamptz not null default now(),
  ended_at timestamptz,
  sent bigint not null default 0,
  failed bigint not null default 0,
  exit_status integer
);

comment on table flowctl.runs is
'Runs of dispatch that send (not those into an outbox), kept for 30 days.';

create index if not exists runs_started on flowctl.runs (started_at);

-- Failed and cancelled messages, the newest first; sent ones have an index of their own.
create index if not exists message_logs_over
on public.message_logs (scheduled_for) where status in ('failed', 'cancelled');
