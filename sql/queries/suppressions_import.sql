-- Suppressions from a file.

-- name: import_suppressions
-- Returns the addresses that were not suppressed before, as they are stored.
insert into public.suppressions (channel, address, reason, source, created_at)
select given.channel, given.address, given.reason, 'import', coalesce(given.created_at, now())
from unnest(
  %(channels)s::text[], %(addresses)s::text[], %(reasons)s::text[], %(times)s::timestamptz[]
) as given (channel, address, reason, created_at)
on conflict (channel, address) do nothing
returning suppressions.address;
