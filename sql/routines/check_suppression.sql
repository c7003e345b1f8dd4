-- Stores an address in the form in which addresses are compared, whatever spelling was written.
create or replace function flowctl.check_suppression() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  address constant text := flowctl.comparable_address(new.channel, new.address);
begin
  if address is null and new.channel = 'text' then
    raise exception 'suppression: "%" is not a phone number', new.address
      using errcode = 'check_violation', hint = 'write it like +14155550123';
  elsif address is null then
    raise exception 'suppression: "%" is not an email address', new.address
      using errcode = 'check_violation', hint = 'write it like ada@example.com';
  end if;
  new.address := address;
  return new;
end;
$$;

drop trigger if exists check_suppression on public.suppressions;

create trigger check_suppression before insert or update on public.suppressions
for each row execute function flowctl.check_suppression();

-- What an older version, or nobody, has spelled: of two that are one the binding one stays.
delete from public.suppressions as suppression
using public.suppressions as other
where other.channel = suppression.channel
  and other.ctid <> suppression.ctid
  and flowctl.comparable_address(other.channel, other.address)
  = flowctl.comparable_address(suppression.channel, suppression.address)
  and (
    (other.source not in ('reply', 'provider'))::integer, suppression.created_at, suppression.ctid
  ) > (
    (suppression.source not in ('reply', 'provider'))::integer, other.created_at, other.ctid
  );

update public.suppressions as suppression
set address = suppression.address
where flowctl.comparable_address(suppression.channel, suppression.address) <> suppression.address;
