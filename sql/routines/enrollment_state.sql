-- How a lead stands in a flow: stopped by hand, active while something is pending, left where a
-- rule, a reply or an opt-out ended it or all was cancelled, else finished.
create or replace function flowctl.enrollment_state(
  is_stopped boolean, pending integer, sent integer, has_left boolean
) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case
    when is_stopped then 'stopped'
    when pending > 0 then 'active'
    when has_left or sent = 0 then 'left'
    else 'finished'
  end;
$$;
