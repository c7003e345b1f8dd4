-- The instant at which the clock of `zone` is changed, between two instants at which it differs
-- from UTC by different amounts.
create or replace function flowctl.clock_change(low timestamptz, high timestamptz, zone text)
returns timestamptz
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  clock constant text := ':' || zone;
  old_shift constant interval := (low at time zone clock) - (low at time zone 'UTC');
  earlier timestamptz := low;
  later timestamptz := high;
  middle timestamptz;
begin
  while later - earlier > interval '1 second' loop
    middle := earlier + (later - earlier) / 2;
    if (middle at time zone clock) - (middle at time zone 'UTC') = old_shift then
      earlier := middle;
    else
      later := middle;
    end if;
  end loop;
  return date_trunc('second', later, 'UTC');
end;
$$;
