-- The IANA zone of that name, in any case, as this server spells it; null if there is none.
create or replace function flowctl.known_zone(written text) returns text
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select zone.name from flowctl.timezones as zone where zone.folded = lower(btrim(written) collate "C");
$$;
