-- Makes the rules of a release of the tz database those that hold, unless newer ones do. A line of
-- `rules` is one clock: its names, the year its rules repeat from (none: they change no more), the
-- minutes since 1970 at which it is changed, and the minutes it is ahead of UTC, at first and then
-- after each change.
create or replace function flowctl.take_zones(release text, rules text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  held constant text := (select max(taken.release) from flowctl.zone_releases as taken);
  given record;
  former record;
begin
  if held >= take_zones.release collate "C" then
    return;
  end if;
  -- one by one, as several nodes take it
  for given in
    select named.name, clock.instants, clock.walls, clock.offsets, clock.repeats_from
    from unnest(string_to_array(btrim(rules, e'\n'), e'\n')) as line
    cross join lateral string_to_array(line, '|') as part
    cross join lateral (
      select
        array_agg(entry.instant order by entry.number) as instants,
        array_agg(entry.instant at time zone 'UTC' + entry.ahead order by entry.number) as walls,
        array_agg(entry.ahead order by entry.number) as offsets,
        coalesce(
          make_timestamptz(nullif(part[2], '')::integer, 1, 1, 0, 0, 0, 'UTC'), 'infinity'
        ) as repeats_from
      from (
        select
          changed.number,
          coalesce(
            to_timestamp((changed.minute * 60)::double precision), '-infinity'
          ) as instant,
          changed.ahead * interval '1 minute' as ahead
        from rows from (
          unnest(array_prepend(null, string_to_array(part[3], ',')::numeric[])),
          unnest(string_to_array(part[4], ',')::double precision[])
        ) with ordinality as changed (minute, ahead, number)
      ) as entry
    ) as clock
    cross join lateral unnest(string_to_array(part[1], ' ')) as named (name)
  loop
    select zone.* into former from flowctl.zones as zone where zone.name = given.name;
    continue when (former.instants, former.offsets, former.repeats_from)
      is not distinct from (given.instants, given.offsets, given.repeats_from);
    if found then
      insert into flowctl.zone_history (name, release, instants, offsets, repeats_from)
      values (given.name, held, former.instants, former.offsets, former.repeats_from);
    end if;
    insert into flowctl.zones (name, instants, walls, offsets, repeats_from)
    values (given.name, given.instants, given.walls, given.offsets, given.repeats_from)
    on conflict (name) do update set
      instants = excluded.instants,
      walls = excluded.walls,
      offsets = excluded.offsets,
      repeats_from = excluded.repeats_from;
  end loop;
  insert into flowctl.zone_releases (release) values (take_zones.release);
end;
$$;
