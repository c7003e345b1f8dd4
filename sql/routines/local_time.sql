-- What the clock of a zone (a name of flowctl.zones) shows at an instant; null for another name.
create or replace function flowctl.local_time(instant timestamptz, zone text) returns timestamp
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  repeats_from timestamptz;
  shown timestamp;
  later interval;
begin
  select
    rule.repeats_from,
    (instant at time zone 'UTC') + rule.offsets[width_bucket(instant, rule.instants)]
  into repeats_from, shown
  from flowctl.zones as rule
  where rule.name = zone;
  if instant >= repeats_from and isfinite(instant) then
    later := flowctl.like_year(extract(year from instant at time zone 'UTC')::integer, repeats_from);
    return flowctl.local_time((instant at time zone 'UTC' - later) at time zone 'UTC', zone) + later;
  end if;
  return shown;
end;
$$;
