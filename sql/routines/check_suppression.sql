-- Stores an address as it is compared: email in lower case, phone in E.164.
create or replace function flowctl.check_suppression() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.channel = 'text' then
    new.address := regexp_replace(new.address, '[\s().-]', '', 'g');
    if new.address !~ '^\+[1-9][0-9]{5,14}$' then
      raise exception 'suppression: "%" is not a phone number in E.164', new.address
        using errcode = 'check_violation', hint = 'write it like +14155550123';
    end if;
  else
    new.address := lower(btrim(new.address));
    if new.address !~ '^[^\s@]+@[^\s@]+$' then
      raise exception 'suppression: "%" is not an email address', new.address
        using errcode = 'check_violation';
    end if;
  end if;
  return new;
end;
$$;

drop trigger if exists check_suppression on public.suppressions;

create trigger check_suppression before insert or update on public.suppressions
for each row execute function flowctl.check_suppression();
