-- The rules of the time zones, as one release of the tz database has them, so that every server
-- counts alike, whatever zone files it has.

-- One row for each name, old names included. A zone's clock is ahead of UTC by `offsets[n]` from
-- `instants[n]` on, which is when it shows `walls[n]`; the first entry holds since ever. From
-- `repeats_from` on (the beginning of a year) each year is read as the one of the 28 before that
-- begins on the same weekday and is as long.
create table if not exists flowctl.zones (
  name text primary key,
  folded text collate "C" not null generated always as (lower(name collate "C")) stored,
  instants timestamptz[] not null,
  -- squawk-ignore prefer-timestamp-tz
  walls timestamp[] not null,
  offsets interval[] not null,
  repeats_from timestamptz not null
);

create unique index if not exists zones_folded on flowctl.zones (folded);

-- read for every lead: kept in the row as they are, where they fit
alter table flowctl.zones set (toast_tuple_target = 8160);

-- The rules that a zone had before, by which messages were planned until `replaced_at`.
create table if not exists flowctl.zone_history (
  name text not null,
  release text not null,
  instants timestamptz[] not null,
  offsets interval[] not null,
  repeats_from timestamptz not null,
  replaced_at timestamptz not null default now(),
  primary key (name, release)
);

-- The releases of the tz database whose rules were taken; the newest ones hold.
create table if not exists flowctl.zone_releases (
  release text collate "C" primary key,
  taken_at timestamptz not null default now()
);

-- Other programs' names of zones, in the form in which zone_of compares them.
create table if not exists flowctl.zone_spellings (
  spelling text collate "C" primary key,
  name text not null
);
