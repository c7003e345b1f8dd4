-- A message's error without what it may say of its recipient: a complaint of our own without the
-- address, and a provider's words without whatever looks like one.
create or replace function flowctl.redacted(error_message text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return regexp_replace(
    regexp_replace(error_message, '^((phone number|email address)[^:]*):.*$', '\1'),
    '[^\s<>"]+@[^\s<>"]+|\+?([0-9][() -]{0,2}){6,}[0-9]', '…', 'g'
  );
end;
$$;
