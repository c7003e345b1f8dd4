-- The IANA zone of that name, in any case and with whatever white space around it, as it is spelled
-- right; null if there is none. The ends are cut off as far as no printable ASCII character stands
-- there: white space of any kind, and marks that cannot be seen.
create or replace function flowctl.known_zone(written text) returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  found text := (
    select zone.name from flowctl.zones as zone where zone.folded = lower(written collate "C")
  );
begin
  -- no name is nearly so long; what a web form lets in may be
  if found is null and length(written) <= 100 then
    found := (
      select zone.name from flowctl.zones as zone
      where zone.folded = lower(regexp_replace(written, '^[^!-~]+|[^!-~]+$', '', 'g') collate "C")
    );
  end if;
  return found;
end;
$$;
