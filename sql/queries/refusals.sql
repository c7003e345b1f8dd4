-- What a dispatcher learns of addresses: a provider will not write to them again.

-- name: suppress_recipients
-- Addresses the provider will not write to again, and the rest of those leads' messages there.
with refused as (
  select given.*
  from unnest(%(ids)s::uuid[], %(channels)s::text[], %(addresses)s::text[], %(reasons)s::text[])
    as given (id, channel, address, reason)
),
suppressed as (
  insert into public.suppressions (channel, address, reason, source, message_id)
  select distinct on (refused.channel, refused.address)
    refused.channel, refused.address, refused.reason, 'provider', refused.id
  from refused
  on conflict do nothing
)
update public.message_logs as message
set
  status = 'cancelled',
  cause = 'suppressed',
  error_message = 'recipient is suppressed',
  claimed_by = null,
  lease_until = null
from refused
inner join public.message_logs as source on source.id = refused.id
where message.lead_id = source.lead_id and message.id <> source.id
  and message.message_type = refused.channel and message.status = 'pending'
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
returning message.id;
