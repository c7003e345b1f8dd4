-- What is kept of an address that a step was sent to: enough to know it again, and no more. Null
-- for what is no address.
create or replace function flowctl.address_digest(channel text, recipient text) returns bytea
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select sha256(convert_to(flowctl.comparable_address(channel, recipient), 'UTF8'));
$$;
