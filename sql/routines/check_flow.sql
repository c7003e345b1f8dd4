-- Refuses a flow that could not be scheduled, spells its zone right, and keeps
-- `default`.
create or replace function flowctl.check_flow() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  zone text;
  name text;
begin
  if tg_op = 'DELETE' then
    if old.name = 'default' then
      raise exception 'the flow "default" always exists and cannot be deleted'
        using errcode = 'check_violation', hint = 'switch it off: enabled = false';
    end if;
    return old;
  end if;
  if tg_op = 'UPDATE' and old.name = 'default' and new.name <> 'default' then
    raise exception 'the flow "default" always exists and cannot be renamed'
      using errcode = 'check_violation';
  end if;
  zone := flowctl.known_zone(new.timezone);
  if zone is null then
    raise exception 'flow "%": timezone: "%" is not an IANA time zone', new.name, new.timezone
      using errcode = 'check_violation',
      hint = 'write it like ' || coalesce(flowctl.zone_of(new.timezone), 'America/New_York');
  end if;
  new.timezone := zone;
  if jsonb_typeof(new.sender) = 'object' then
    select entry.key into name
    from jsonb_each(new.sender) as entry
    where entry.key not in ('email_from', 'reply_to', 'return_path', 'text_from')
      or jsonb_typeof(entry.value) <> 'string'
      or entry.value #>> '{}' !~ case entry.key
        when 'text_from' then '^(\+[1-9][0-9]{6,14}|MG[0-9a-fA-F]{32})$'
        when 'return_path' then '^[^<>@[:space:][:cntrl:]]+@[^<>@[:space:][:cntrl:]]+$'
        else '^([^<>[:cntrl:]]*<[^<>@[:space:][:cntrl:]]+@[^<>@[:space:][:cntrl:]]+>'
          '|[^<>@[:space:][:cntrl:]]+@[^<>@[:space:][:cntrl:]]+)$'
      end;
    if name is not null then
      raise exception 'flow "%": sender: "%" is not one of its keys, or its value cannot be one',
        new.name, name
        using errcode = 'check_violation',
          hint = 'it has email_from, reply_to, return_path and text_from, each an address';
    end if;
  end if;
  if jsonb_typeof(new.send_window) is distinct from 'object' then
    -- null, or refused by the table
    return new;
  end if;
  select key into name
  from jsonb_object_keys(new.send_window) as key
  where key not in ('start', 'end', 'days', 'types');
  if name is not null then
    raise exception 'flow "%": send_window: "%" is not one of its keys', new.name, name
      using errcode = 'check_violation', hint = 'it has start, end, days and types';
  end if;
  foreach name in array array['start', 'end'] loop
    if new.send_window ? name and flowctl.time_of_day(new.send_window ->> name) is null then
      raise exception 'flow "%": send_window: % is not a time of day', new.name, name
        using errcode = 'check_violation', hint = 'write it like 8:00 AM';
    end if;
  end loop;
  if coalesce(flowctl.time_of_day(new.send_window ->> 'start'), '00:00'::time)
    = flowctl.time_of_day(new.send_window ->> 'end')
  then
    raise exception 'flow "%": send_window: start and end are the same', new.name
      using errcode = 'check_violation', hint = 'leave both out for the whole day';
  end if;
  if not flowctl.is_list_of(
    new.send_window -> 'days', array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
  ) then
    raise exception 'flow "%": send_window: days must be a list of mon ... sun', new.name
      using errcode = 'check_violation';
  end if;
  if not flowctl.is_list_of(new.send_window -> 'types', array['email', 'text']) then
    raise exception 'flow "%": send_window: types must be a list of email, text', new.name
      using errcode = 'check_violation';
  end if;
  return new;
end;
$$;

drop trigger if exists check_flow on public.flows;

create trigger check_flow before insert or update or delete on public.flows
for each row execute function flowctl.check_flow();
