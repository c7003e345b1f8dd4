-- The form in which addresses are compared; null for what is no address of the channel.
create or replace function flowctl.comparable_address(channel text, written text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return case channel
    when 'email' then flowctl.comparable_email(written)
    else flowctl.comparable_phone(written)
  end;
end;
$$;
