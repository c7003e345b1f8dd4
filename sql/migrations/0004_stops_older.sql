-- Whether programs that do not know a migration must stop. The others only add, and older programs
-- go on serving the database beside newer ones.

alter table flowctl.migrations
add column if not exists stops_older boolean not null default false;

comment on column flowctl.migrations.stops_older is
'Programs older than this migration must not serve the database.';
