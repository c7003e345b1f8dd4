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
  -- as in lead_schedule: the colon makes CET a zone and not an abbreviation
  clock constant text := ':' || zone;
  -- no zone has changed its clock twice within so short a time since 1970
  stretch constant interval := interval '5 days';
  boundary constant time := case when wanted then opens else coalesce(closes, '00:00'::time) end;
  low timestamptz;
  high timestamptz := moment;
  change timestamptz;
  low_shift interval;
  high_shift interval := (moment at time zone clock) - (moment at time zone 'UTC');
  edge timestamptz;
begin
  if flowctl.is_inside_window(moment at time zone clock, opens, closes, weekdays) = wanted then
    return moment;
  end if;
  -- three stretches: a window of one day a week may have its next opening skipped
  for attempt in 1..3 loop
    low := high;
    low_shift := high_shift;
    high := low + stretch;
    high_shift := (high at time zone clock) - (high at time zone 'UTC');
    change := case
      when high_shift = low_shift then high else flowctl.clock_change(low, high, zone)
    end;
    -- While the clock runs evenly the answer can lie only at the beginning, and where the window
    -- opens (or closes).
    edge := (
      select candidate.instant
      from (
        select even.starts as instant, even.ends, even.shift
        from unnest(array[low, change], array[change, high], array[low_shift, high_shift])
          as even (starts, ends, shift)
        where even.starts < even.ends
        union all
        select place.instant, even.ends, even.shift
        from unnest(array[low, change], array[change, high], array[low_shift, high_shift])
          as even (starts, ends, shift)
        cross join generate_series(0, 5) as later
        cross join lateral (
          select (
            ((even.starts at time zone 'UTC') + even.shift)::date + later + boundary - even.shift
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
    exit when edge is not null;
  end loop;
  return edge;
end;
$$;
