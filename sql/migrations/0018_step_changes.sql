-- What each sync of a steps file did, so that a change of a flow can be told later.

create table if not exists flowctl.step_changes (
  id bigint generated always as identity primary key,
  synced_at timestamptz not null default now(),
  synced_by text not null default session_user,
  change text not null,
  flow text not null,
  -- null: the flow itself
  key text,
  -- what of it was changed
  fields text[] not null default '{}'
);

comment on table flowctl.step_changes is
'Changes of flows and steps that syncs of steps files made, kept for a year.';

create index if not exists step_changes_synced on flowctl.step_changes (synced_at);
