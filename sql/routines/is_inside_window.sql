-- Whether a wall clock shows a moment inside a send window. `closes` is exclusive, null is the
-- day's end; a window that closes before it opens crosses midnight and belongs to the day it opens
-- on.
create or replace function flowctl.is_inside_window(
  wall timestamp, opens time, closes time, weekdays integer[]
) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  opened_today constant boolean :=
    wall::time >= opens and (weekdays is null or extract(isodow from wall)::integer = any(weekdays));
begin
  if closes is null then
    return opened_today;
  elsif closes > opens then
    return opened_today and wall::time < closes;
  end if;
  return opened_today or (
    wall::time < closes
    and (weekdays is null or extract(isodow from wall - interval '1 day')::integer = any(weekdays))
  );
end;
$$;
