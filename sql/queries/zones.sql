-- What a newer release of the tz database changed.

-- name: changed_zones
-- The zones that the newest rules read otherwise than those before them, now or later: from when
-- on, and by how much.
with latest as (
  select taken.taken_at
  from flowctl.zone_releases as taken
  order by taken.release desc
  limit 1
)
select former.name, differs.since, differs.after - differs.before as shift
from latest
inner join flowctl.zone_history as former on former.replaced_at = latest.taken_at
inner join flowctl.zones as rule on rule.name = former.name
cross join lateral (
  select
    probe.instant as since,
    former.offsets[width_bucket(probe.instant, former.instants)] as before,
    rule.offsets[width_bucket(probe.instant, rule.instants)] as after
  from unnest(former.instants || rule.instants || now()) as probe (instant)
  where probe.instant between now() - interval '1 year' and least(
    former.repeats_from, rule.repeats_from, '9999-12-31 00:00+00'
  ) and former.offsets[width_bucket(probe.instant, former.instants)]
    <> rule.offsets[width_bucket(probe.instant, rule.instants)]
  order by probe.instant
  limit 1
) as differs
order by former.name;
