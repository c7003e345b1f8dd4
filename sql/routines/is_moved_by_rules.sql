-- Whether a message that was scheduled at `scheduled_at`, for `planned_before`, would be planned
-- for `planned_now` because the rules of its zone have changed since: by those of then it shows the
-- same local time. Before the database had rules of its own those of the server counted.
create or replace function flowctl.is_moved_by_rules(
  zone text, scheduled_at timestamptz, planned_before timestamptz, planned_now timestamptz
) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select planned_before <> planned_now and (
    scheduled_at < (select min(taken.taken_at) from flowctl.zone_releases as taken)
    or exists (
      select from flowctl.zone_history as former
      where former.name = zone
        and former.replaced_at > scheduled_at
        and (planned_before at time zone 'UTC')
        + former.offsets[width_bucket(planned_before, former.instants)]
        = flowctl.local_time(planned_now, zone)
    )
  );
$$;
