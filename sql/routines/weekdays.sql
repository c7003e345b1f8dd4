-- The ISO numbers (Monday 1) of day names as a send window has them: ["mon", "tue"]. Null, all
-- days, where no days are given.
create or replace function flowctl.weekdays(names jsonb) returns integer[]
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select array_agg(array_position(
    array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], left(lower(name), 3)
  ))
  from jsonb_array_elements_text(names) as name;
$$;
