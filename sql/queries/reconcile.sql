-- What the provider tells of texts after they were sent.

-- name: update_deliveries
-- Delivery statuses that changed, of texts sent since a moment; and which of them have become
-- undelivered.
with reported as (
  select given.*
  from json_to_recordset(%(deliveries)s::json) as given (
    provider_id text, status text, code text, error text
  )
),
changed as (
  select message.id, message.delivery_status as was, reported.status, reported.code, reported.error
  from reported
  inner join public.message_logs as message on message.provider_id = reported.provider_id
  where message.status = 'sent'
    and message.message_type = 'text'
    and message.sent_at > %(since)s::timestamptz - interval '1 hour'
    and (message.delivery_status, message.delivery_code, message.error_message)
      is distinct from (reported.status, reported.code, reported.error)
)
update public.message_logs as message
set
  delivery_status = changed.status,
  delivery_code = changed.code,
  error_message = changed.error
from changed
where message.id = changed.id
returning
  changed.status,
  changed.code,
  flowctl.is_undelivered(changed.status) and not flowctl.is_undelivered(changed.was)
    as is_newly_undelivered;

-- name: suppress_replied
-- Numbers that asked for no more, or that take no texts. What a person wrote down stays as it is.
insert into public.suppressions (channel, address, reason, source, created_at)
select 'text', flowctl.comparable_phone(given.address), given.reason, given.source, given.created_at
from json_to_recordset(%(suppressed)s::json) as given (
  address text, reason text, source text, created_at timestamptz
)
where flowctl.comparable_phone(given.address) is not null
on conflict do nothing
returning address;

-- name: lift_replied
-- Numbers that asked to hear from us again, after they were suppressed by their reply or by the
-- provider; what anybody else wrote down, a person or a complaint, stays.
delete from public.suppressions as suppression
using json_to_recordset(%(lifted)s::json) as given (address text, replied_at timestamptz)
where suppression.channel = 'text'
  and suppression.address = flowctl.comparable_phone(given.address)
  and suppression.source in ('reply', 'provider')
  and suppression.created_at < given.replied_at
returning suppression.address;
