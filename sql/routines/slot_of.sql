-- Into which of `slots` equal shares a lead falls, from 1 on: always the same one.
create or replace function flowctl.slot_of(lead text, slots integer) returns integer
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return (mod(hashtext(lead)::bigint + 2147483648, slots) + 1)::integer;
end;
$$;
