-- Reads a time of day as people write it: 9:00 AM, 9 am, 09:00, 21:30; 12:00 AM is midnight. Null
-- if it cannot be read.
create or replace function flowctl.time_of_day(written text) returns time
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  part text[];
  hour integer;
  minute integer;
begin
  -- the usual form, at a third of what the expressions below cost
  if translate(written, '123456789', '000000000') in ('0:00 AM', '0:00 PM', '00:00 AM', '00:00 PM')
  then
    hour := split_part(written, ':', 1)::integer;
    minute := left(split_part(written, ':', 2), 2)::integer;
    return case when hour between 1 and 12 and minute <= 59
      then make_time(hour % 12 + 12 * (right(written, 2) = 'PM')::integer, minute, 0)
    end;
  end if;
  part := regexp_match(written, '^\s*([0-9]{1,2})(?::([0-9]{2}))?(?::00)?\s*([ap])\.?m\.?\s*$', 'i');
  if part is not null then
    hour := part[1]::integer;
    if hour not between 1 and 12 then
      return null;
    end if;
    hour := hour % 12 + case when lower(part[3]) = 'p' then 12 else 0 end;
  else
    part := regexp_match(written, '^\s*([0-9]{1,2}):([0-9]{2})(?::00)?\s*$');
    hour := part[1]::integer;
  end if;
  if hour is null or hour > 23 or coalesce(part[2]::integer, 0) > 59 then
    return null;
  end if;
  return make_time(hour, coalesce(part[2]::integer, 0), 0);
end;
$$;
