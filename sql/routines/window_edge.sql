-- The first instant from `moment` on at which the wall clock of `zone` is inside the send window
-- (or, with wanted = false, outside); null if there is none. The clock is read as people read it:
-- in a night that goes back an hour the window can open twice, and one that lies in the hour that
-- is skipped does not open.
create or replace function flowctl.window_edge(
  moment timestamptz, zone text, opens time, closes time, weekdays integer[], wanted boolean
) returns timestamptz
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  boundary constant time := case when wanted then opens else coalesce(closes, '00:00'::time) end;
  repeats_from timestamptz;
  later interval;
  low timestamptz := moment;
  high timestamptz;
  change timestamptz;
  low_shift interval;
  high_shift interval;
  wall timestamp;
  edge timestamptz;
begin
  -- three passes: a window of one day a week may have its next opening skipped
  for attempt in 1..3 loop
    select
      rule.repeats_from, rule.offsets[place.n], rule.instants[place.n + 1], rule.offsets[place.n + 1]
    into repeats_from, low_shift, change, high_shift
    from flowctl.zones as rule
    cross join lateral (select width_bucket(low, rule.instants) as n) as place
    where rule.name = zone;
    if moment >= repeats_from then
      later := flowctl.like_year(
        extract(year from moment at time zone 'UTC')::integer, repeats_from
      );
      return (flowctl.window_edge(
        (moment at time zone 'UTC' - later) at time zone 'UTC', zone, opens, closes, weekdays, wanted
      ) at time zone 'UTC' + later) at time zone 'UTC';
    end if;
    wall := (low at time zone 'UTC') + low_shift;
    if flowctl.is_inside_window(wall, opens, closes, weekdays) = wanted then
      return low;
    end if;
    if not wanted and closes is not null then
      -- it closes when the clock shows so next, unless that is changed before
      edge := (
        wall::date + closes + (closes <= wall::time)::integer * interval '1 day' - low_shift
      ) at time zone 'UTC';
      if edge < coalesce(change, 'infinity') then
        return edge;
      end if;
    end if;
    -- no zone has changed its clock twice within so short a time since 1970
    high := low + interval '5 days';
    -- While the clock runs evenly the answer can lie only at the beginning, and where the window
    -- opens (or closes).
    edge := (
      select candidate.instant
      from (
        select change as instant, high_shift as shift where change < high
        union all
        select place.instant, even.shift
        from (values (low, least(change, high), low_shift), (change, high, high_shift))
          as even (starts, ends, shift)
        cross join generate_series(0, 5) as days
        cross join lateral (
          select (
            ((even.starts at time zone 'UTC') + even.shift)::date + days + boundary - even.shift
          ) at time zone 'UTC' as instant
        ) as place
        where even.starts < place.instant and place.instant < even.ends
        order by instant
        offset 0
      ) as candidate
      where flowctl.is_inside_window(
        (candidate.instant at time zone 'UTC') + candidate.shift, opens, closes, weekdays
      ) = wanted
      limit 1
    );
    if edge is not null then
      return edge;
    end if;
    low := high;
  end loop;
  return null;
end;
$$;
