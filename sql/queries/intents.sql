-- Intents to send, weighed before they are begun. `now` is as for claims.

-- name: weigh_intents
-- What decides about intents whose claims this run still has: the rules of their flows, and what is
-- known of their leads and addresses.
with asked as (
  select given.*
  from json_to_recordset(%(intents)s::json) as given (
    number integer, id uuid, channel text, transport text, recipient text, addresses text[],
    subject text, content text, format text, has_earlier boolean
  )
),
candidate as (
  select
    asked.*,
    message.lead_id,
    message.flow_step_id,
    parent.min_gap,
    parent.dedupe_address,
    step.flow,
    step.step_order,
    coalesce(%(now)s::timestamptz, now()) as judged_at
  from asked
  cross join lateral (
    -- by its key, whatever the statistics say of claims: few have one when they are gathered
    select own.lead_id, own.flow_step_id
    from public.message_logs as own
    where own.id = asked.id
      and own.claimed_by = %(run)s::uuid
      and own.status = 'pending'
      and own.lease_until > now()
      and not exists (
        select from flowctl.sends as send
        where send.lead_id = own.lead_id and send.message_id = own.id
      )
    for no key update
  ) as message
  left join public.flow_steps as step on step.id = message.flow_step_id
  left join public.flows as parent on parent.name = step.flow
  -- paused since the claim
  where parent.paused_at is null
)
select
  candidate.number, candidate.id, candidate.channel, candidate.transport, candidate.recipient,
  candidate.addresses, candidate.subject, candidate.content, candidate.format, candidate.lead_id,
  candidate.flow_step_id, candidate.flow, candidate.min_gap, candidate.dedupe_address,
  candidate.judged_at, past.gap_ends,
  coalesce(past.is_behind, false) as is_behind,
  candidate.dedupe_address and exists (
    select from flowctl.sent_addresses as known
    where known.flow_step_id = candidate.flow_step_id
      and known.digest = sha256(convert_to(candidate.addresses[1], 'UTF8'))
  ) as is_known
from candidate
left join lateral (
  -- The lead's last message of the flow on the channel; and whether one of an earlier step waits
  -- for its turn or is being sent. One that waits for a retry, or for a look-up, does neither.
  select
    max(own.sent_at) filter (where own.status = 'sent') + candidate.min_gap as gap_ends,
    bool_or(
      own.status = 'pending' and step.step_order < candidate.step_order
      and case
        when exists (select from flowctl.sends as send where send.message_id = own.id)
          then not own.is_unknown
        else own.due_at <= candidate.judged_at
      end
    ) as is_behind
  from (
    -- offset 0: by the lead, whatever the statistics say of all that was sent
    select
      other.id, other.flow_step_id, other.message_type, other.status, other.sent_at, other.due_at,
      other.is_unknown
    from public.message_logs as other
    where other.lead_id = candidate.lead_id
    offset 0
  ) as own
  inner join public.flow_steps as step on step.id = own.flow_step_id
  where own.message_type = candidate.channel and step.flow = candidate.flow
) as past on candidate.min_gap is not null or candidate.has_earlier;

-- name: weigh_intents_over_nodes
-- As weigh_intents, of messages that are locked already: what is known of a lead is looked up for
-- all leads at once.
with asked as materialized (
  select given.*
  from json_to_recordset(%(intents)s::json) as given (
    number integer, id uuid, channel text, transport text, recipient text, addresses text[],
    subject text, content text, format text, has_earlier boolean
  )
),
candidate as materialized (
  select
    asked.*,
    message.lead_id,
    message.flow_step_id,
    parent.min_gap,
    parent.dedupe_address,
    step.flow,
    step.step_order,
    coalesce(%(now)s::timestamptz, now()) as judged_at
  from asked
  inner join public.message_logs as message on message.id = asked.id
  left join public.flow_steps as step on step.id = message.flow_step_id
  left join public.flows as parent on parent.name = step.flow
  where message.claimed_by = %(run)s::uuid
    and message.status = 'pending'
    and message.lease_until > now()
    and not exists (
      select from flowctl.sends as send
      where send.lead_id = message.lead_id and send.message_id = message.id
    )
    -- paused since the claim
    and parent.paused_at is null
),
own as materialized (
  -- what else the leads have on the channel
  select
    candidate.id as for_id, other.id, other.flow_step_id, other.status, other.sent_at, other.due_at,
    other.is_unknown
  from candidate
  inner join public.message_logs as other on other.lead_id = candidate.lead_id
  where (candidate.min_gap is not null or candidate.has_earlier)
    and other.message_type = candidate.channel
),
past as materialized (
  -- The lead's last message of the flow on the channel; and whether one of an earlier step waits
  -- for its turn or is being sent. One that waits for a retry, or for a look-up, does neither.
  select
    candidate.id,
    max(own.sent_at) filter (where own.status = 'sent') + candidate.min_gap as gap_ends,
    bool_or(
      own.status = 'pending' and step.step_order < candidate.step_order
      and case
        when own.id in (select send.message_id from flowctl.sends as send) then not own.is_unknown
        else own.due_at <= candidate.judged_at
      end
    ) as is_behind
  from candidate
  inner join own on own.for_id = candidate.id
  inner join public.flow_steps as step on step.id = own.flow_step_id and step.flow = candidate.flow
  group by candidate.id, candidate.min_gap
),
known as materialized (
  select distinct candidate.id
  from candidate
  inner join flowctl.sent_addresses as sent_address
    on sent_address.flow_step_id = candidate.flow_step_id
    and sent_address.digest = sha256(convert_to(candidate.addresses[1], 'UTF8'))
  where candidate.dedupe_address
)
select
  candidate.number, candidate.id, candidate.channel, candidate.transport, candidate.recipient,
  candidate.addresses, candidate.subject, candidate.content, candidate.format, candidate.lead_id,
  candidate.flow_step_id, candidate.flow, candidate.min_gap, candidate.dedupe_address,
  candidate.judged_at, past.gap_ends,
  coalesce(past.is_behind, false) as is_behind,
  candidate.id in (select known.id from known) as is_known
from candidate
left join past on past.id = candidate.id;
