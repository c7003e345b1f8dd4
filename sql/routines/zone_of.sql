-- The IANA zone that a lead's `timezone` means: the one of that name, else the one that Windows or
-- Rails calls so, also with the offset that they put before it, with blanks for underscores, or
-- written out as HubSpot does it (america_slash_new_york). Null for what nobody can read: offsets
-- and abbreviations are no zones.
create or replace function flowctl.zone_of(written text) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  spelled text := lower(written collate "C");
  found text := (select zone.name from flowctl.zones as zone where zone.folded = spelled);
begin
  -- no name is nearly so long; what a web form lets in may be
  if found is not null or written is null or written = '' or length(written) > 100 then
    return found;
  end if;
  -- the ends are cut off as in known_zone
  spelled := regexp_replace(
    spelled, '^[^!-~]+|[^!-~]+$|^[^!-~]*\((gmt|utc)[^)]*\)[^!-~]*', '', 'g'
  );
  spelled := regexp_replace(spelled, '[^!-~]+', '_', 'g');
  spelled := replace(replace(spelled, '_slash_', '/'), '_hyphen_', '-');
  return coalesce(
    (select zone.name from flowctl.zones as zone where zone.folded = spelled),
    (select known.name from flowctl.zone_spellings as known where known.spelling = spelled)
  );
end;
$$;
