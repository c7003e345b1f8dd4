-- The instant at which the clock of a zone (a name of flowctl.zones) shows `wall`; null for another
-- name. A time that the clock skips moves forward by the gap, one that it repeats is the later.
create or replace function flowctl.instant_of(wall timestamp, zone text) returns timestamptz
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  repeats_from timestamptz;
  meant timestamptz;
  later interval;
begin
  select
    rule.repeats_from,
    (wall - rule.offsets[width_bucket(wall, rule.walls)]) at time zone 'UTC'
  into repeats_from, meant
  from flowctl.zones as rule
  where rule.name = zone;
  if wall >= repeats_from at time zone 'UTC' and isfinite(wall) then
    later := flowctl.like_year(extract(year from wall)::integer, repeats_from);
    return (flowctl.instant_of(wall - later, zone) at time zone 'UTC' + later) at time zone 'UTC';
  end if;
  return meant;
end;
$$;
