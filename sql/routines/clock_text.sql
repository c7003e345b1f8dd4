-- A time of day as it is stored and shown: 9:00 AM.
create or replace function flowctl.clock_text(time_of_day time) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select to_char(date '2000-01-01' + time_of_day, 'FMHH12:MI AM');
$$;
