-- By how much a moment of a year from `repeats_from` on lies after the like moment of the 28 years
-- before it: a whole number of days, between two years of one length that begin on one weekday.
create or replace function flowctl.like_year(year integer, repeats_from timestamptz)
returns interval
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select (far.begins - near.begins) * interval '1 day'
  from (select make_date(year, 1, 1) as begins, make_date(year + 1, 1, 1) as ends) as far
  cross join lateral (
    select
      make_date(before, 1, 1) as begins,
      make_date(before + 1, 1, 1) as ends
    from extract(year from repeats_from at time zone 'UTC') as first
    cross join generate_series(first::integer - 28, first::integer - 1) as before
  ) as near
  where near.ends - near.begins = far.ends - far.begins
    and (far.begins - near.begins) % 7 = 0
  limit 1;
$$;
