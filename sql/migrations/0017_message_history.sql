-- What happened to messages besides being planned and sent: those two stand in their rows.

create table if not exists flowctl.message_history (
  id bigint generated always as identity primary key,
  message_id uuid not null
  references public.message_logs (id) on update cascade on delete cascade,
  at timestamptz not null default now(),
  event text not null,
  detail text,
  -- the time that it had, and the one it has since, where that changed
  was timestamptz,
  becomes timestamptz
);

comment on table flowctl.message_history is
'Attempts that failed, moves, cancellations and deliveries of messages, for messages show.';

create index if not exists message_history_message on flowctl.message_history (message_id);
