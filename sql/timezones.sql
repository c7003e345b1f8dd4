-- The zones this server knows. Left out: names of the tz database that are no place or offset, and
-- the copies that count leap seconds.
insert into flowctl.timezones (name)
select zone.name
from pg_catalog.pg_timezone_names as zone
where zone.name !~ '^(posix|right)/' and zone.name not in ('Factory', 'localtime', 'posixrules')
on conflict do nothing;

delete from flowctl.timezones
where name not in (select zone.name from pg_catalog.pg_timezone_names as zone);
