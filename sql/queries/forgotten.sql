-- Texts that a provider has and the database takes for unsent: after a restore, a failover.

-- name: find_unsent
-- Texts of that time to leads whose number ends alike; whose it is the caller decides.
select
  message.id,
  message.content,
  message.scheduled_for,
  to_jsonb(lead) as lead,
  coalesce(
    flowctl.zone_of(to_jsonb(lead) ->> 'timezone'),
    parent.timezone,
    (select flow.timezone from public.flows as flow where flow.name = 'default')
  ) as zone,
  to_jsonb(parent) -> 'sender' ->> 'text_from' as sender
from public.message_logs as message
inner join public.leads as lead on lead.id = message.lead_id
left join public.flow_steps as step on step.id = message.flow_step_id
left join public.flows as parent on parent.name = step.flow
where message.message_type = 'text'
  and message.status in ('pending', 'failed')
  and message.content <> ''
  and message.scheduled_for between %(since)s::timestamptz and %(until)s::timestamptz
  and right(regexp_replace(to_jsonb(lead) ->> 'phone', '[^0-9]', '', 'g'), %(digits)s::integer)
    = any(%(tails)s::text[])
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
order by message.scheduled_for, step.step_order, message.id;

-- name: record_forgotten
-- They were sent, when the provider took them. Call it with their rows locked.
with given as materialized (
  select one.*
  from json_to_recordset(%(recovered)s::json) as one (
    id uuid, provider_id text, recipient text, content text, sent_at timestamptz
  )
),
known as materialized (
  select given.id
  from given
  inner join public.message_logs as other
    on other.provider_id = given.provider_id
    and other.sent_at > given.sent_at - interval '1 hour'
  where other.status = 'sent' and other.message_type = 'text'
)
update public.message_logs as message
set
  status = 'sent',
  sent_at = given.sent_at,
  error_message = null,
  is_unknown = false,
  cause = null,
  provider_id = given.provider_id,
  recipient = given.recipient,
  content = given.content,
  attempts = greatest(message.attempts, 1),
  retry_at = null,
  claimed_by = null,
  lease_until = null
from given
where message.id = given.id
  and given.id not in (select known.id from known)
  and message.status in ('pending', 'failed')
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  );
