-- What the provider tells of texts after they were sent.

-- name: update_deliveries
-- Delivery statuses that changed, of texts sent since a moment.
with told as (
  select given.*
  from json_to_recordset(%(deliveries)s::json) as given (
    provider_id text, status text, error text
  )
)
update public.message_logs as message
set delivery_status = told.status, error_message = told.error
from told
where message.status = 'sent'
  and message.message_type = 'text'
  and message.sent_at > %(since)s::timestamptz - interval '1 hour'
  and message.provider_id = told.provider_id
  and (message.delivery_status, message.error_message)
    is distinct from (told.status, told.error)
returning message.id;

-- name: suppress_replied
-- Numbers that asked for no more, or that take no texts. What a person wrote down stays as it is.
insert into public.suppressions (channel, address, reason, source, created_at)
select 'text', given.address, given.reason, given.source, given.created_at
from json_to_recordset(%(suppressed)s::json) as given (
  address text, reason text, source text, created_at timestamptz
)
on conflict do nothing
returning address;

-- name: lift_replied
-- Numbers that asked to hear from us again, after they were suppressed by a reply or a provider.
delete from public.suppressions as suppression
using json_to_recordset(%(lifted)s::json) as given (address text, replied_at timestamptz)
where suppression.channel = 'text'
  and suppression.address = given.address
  and suppression.source <> 'manual'
  and suppression.created_at < given.replied_at
returning suppression.address;
