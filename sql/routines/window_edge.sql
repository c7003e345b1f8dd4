-- The first instant from `moment` on at which the wall clock of `zone` is inside the send window (or,
-- with wanted = false, outside); null if there is none. The clock is read as people read it: in a
-- night that goes back an hour the window can open twice, and one that lies in the hour that is
-- skipped does not open.
create or replace function flowctl.window_edge(
  moment timestamptz, zone text, opens time, closes time, weekdays integer[], wanted boolean
) returns timestamptz
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  -- a window of one day a week, and that day's opening skipped by a clock change
  horizon constant interval := interval '15 days';
  wall constant timestamp := moment at time zone zone;
  before constant interval := wall - (moment at time zone 'UTC');
  after constant interval :=
    ((moment + horizon) at time zone zone) - ((moment + horizon) at time zone 'UTC');
  boundaries constant time[] := case
    when wanted and before = after then array[opens]
    else array[opens, coalesce(closes, '00:00'::time), '00:00'::time]
  end;
  low timestamptz := moment;
  high timestamptz := moment + horizon;
  middle timestamptz;
begin
  if flowctl.is_inside_window(wall, opens, closes, weekdays) = wanted then
    return moment;
  end if;
  if before <> after then
    while high - low > interval '1 second' loop
      middle := low + (high - low) / 2;
      if (middle at time zone zone) - (middle at time zone 'UTC') = before then
        low := middle;
      else
        high := middle;
      end if;
    end loop;
    high := date_trunc('second', high);
  end if;
  -- The answer can lie only where the window opens or closes, at midnight, and where the clock is
  -- changed; a wall time is read with the offset before the change and with the one after it.
  return (
    select candidate.instant
    from (
      select (wall::date + number + boundary - shift) at time zone 'UTC' as instant
      from generate_series(0, 15) as number
      cross join unnest(boundaries) as boundary
      cross join unnest(case when before = after then array[before] else array[before, after] end)
        as shift
      union all
      select high
      order by instant
      offset 0
    ) as candidate
    where candidate.instant >= moment
      and flowctl.is_inside_window(
        candidate.instant at time zone zone, opens, closes, weekdays
      ) = wanted
    limit 1
  );
end;
$$;
