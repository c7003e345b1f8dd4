-- Sends: what is about to be handed over, and what is decided about that. `now` is as for claims.

-- name: lock_guarded
-- One dispatcher at a time decides about one lead's gap, one address's step, and the hourly limit.
-- Keys are taken in order, so that two dispatchers cannot wait for each other.
select pg_advisory_xact_lock(hashtext('flowctl.guard'), locked.key)
from (
  select distinct hashtext(given.name) as key
  from unnest(%(names)s::text[]) as given (name)
  order by key
) as locked;

-- name: plan_once
-- The statements of this transaction are planned once for a connection, not anew each time: the
-- hourly limit, where there is none, makes begin_sends look dearer than it is.
select set_config('plan_cache_mode', 'force_generic_plan', true);

-- name: begin_plain
-- As begin_sends, without what is seldom asked for: no hourly limit, no flow that guards a gap or
-- an address, no message that an earlier one may have to go before. A message whose flow is guarded
-- since its claim is left to another claim.
with asked as (
  select given.*
  from json_to_recordset(%(intents)s::json) as given (
    id uuid, channel text, transport text, recipient text, addresses text[], subject text,
    content text, format text
  )
),
candidate as materialized (
  select
    asked.*,
    message.lead_id,
    message.flow_step_id,
    case when exists (
      select from public.suppressions as suppression
      where suppression.channel = asked.channel and suppression.address = any(asked.addresses)
    ) then 'recipient is suppressed' end as cancelled
  from asked
  cross join lateral (
    -- by its key, whatever the statistics say of claims: few have one when they are gathered
    select own.lead_id, own.flow_step_id
    from public.message_logs as own
    where own.id = asked.id
      and own.claimed_by = %(run)s::uuid
      and own.status = 'pending'
      and own.lease_until > now()
      and not exists (select from flowctl.sends as send where send.message_id = own.id)
    for no key update
  ) as message
  -- paused or guarded since the claim
  where coalesce(
    message.flow_step_id <> all(array(
      select step.id
      from public.flow_steps as step
      inner join public.flows as flow on flow.name = step.flow
      where flow.paused_at is not null or flow.min_gap is not null or flow.dedupe_address
    )),
    true
  )
),
begun as (
  insert into flowctl.sends (
    message_id, lead_id, flow_step_id, channel, transport, recipient, subject, content, format,
    claimed_by, lease_until
  )
  select
    candidate.id, candidate.lead_id, candidate.flow_step_id, candidate.channel,
    candidate.transport, candidate.recipient, candidate.subject, candidate.content,
    candidate.format, %(run)s::uuid, now() + %(lease)s::interval
  from candidate
  where candidate.cancelled is null
),
stopped as (
  update public.message_logs as message
  set
    status = 'cancelled',
    cause = 'suppressed',
    error_message = candidate.cancelled,
    recipient = candidate.recipient,
    claimed_by = null,
    lease_until = null
  from candidate
  where candidate.cancelled is not null and message.id = candidate.id
)
select
  candidate.id,
  candidate.cancelled,
  null::timestamptz as deferred_to,
  false as is_busy,
  false as is_limited
from candidate;

-- name: begin_sends
-- Makes the intent durable: after this commit the messages it calls begun may be handed over, and
-- no other. The address is checked here, as late as can be: suppressions, the same step to the same
-- address, the gap to the lead's previous message, the hourly limit.
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
    coalesce(%(now)s::timestamptz, now()) as moment
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
),
in_flight as materialized (
  select
    send.lead_id, send.channel, send.flow_step_id, step.flow,
    -- an older program writes none
    coalesce(
      send.address, flowctl.comparable_address(send.channel, send.recipient)
    ) as address
  from flowctl.sends as send
  inner join public.flow_steps as step on step.id = send.flow_step_id
),
judged as (
  select
    candidate.*,
    past.gap_ends,
    case
      when exists (
        select from public.suppressions as suppression
        where suppression.channel = candidate.channel
          and suppression.address = any(candidate.addresses)
      ) then 'suppressed'
      when candidate.dedupe_address and exists (
        select from flowctl.sent_addresses as known
        where known.flow_step_id = candidate.flow_step_id
          and known.digest = sha256(convert_to(candidate.addresses[1], 'UTF8'))
      ) then 'duplicate'
    end as cause,
    coalesce(past.has_earlier, false)
    or (candidate.min_gap is not null and exists (
      select from in_flight
      where in_flight.lead_id = candidate.lead_id and in_flight.channel = candidate.channel
        and in_flight.flow = candidate.flow
    ))
    or (candidate.dedupe_address and (
      row_number() over (
        partition by candidate.flow_step_id, candidate.addresses[1] order by candidate.number
      ) > 1
      or exists (
        select from in_flight
        where in_flight.flow_step_id = candidate.flow_step_id
          and in_flight.address = candidate.addresses[1]
      )
    )) as is_busy
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
          else own.due_at <= candidate.moment
        end
      ) as has_earlier
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
  ) as past on candidate.min_gap is not null or candidate.has_earlier
),
allowed as (
  select
    judged.*,
    judged.cause is null and coalesce(judged.gap_ends <= judged.moment, true)
      and not coalesce(judged.is_busy, false) as may_go
  from judged
),
ranked as (
  select allowed.*, sum(allowed.may_go::integer) over (order by allowed.number) as place
  from allowed
),
budget as (
  select case when %(max_per_hour)s::integer is not null then %(max_per_hour)s::integer - (
    select count(*) from public.message_logs as message
    where message.status = 'sent'
      and message.sent_at > coalesce(%(now)s::timestamptz, now()) - interval '1 hour'
  ) - (select count(*) from flowctl.sends) - (
    select count(*) from flowctl.samples as sample
    where sample.sent_at > coalesce(%(now)s::timestamptz, now()) - interval '1 hour'
  ) end as messages
),
decided as (
  select
    ranked.*,
    case ranked.cause
      when 'suppressed' then 'recipient is suppressed'
      when 'duplicate' then 'already sent to this address through another lead'
    end as cancelled,
    ranked.may_go and coalesce(ranked.place <= budget.messages, true) as begins,
    ranked.may_go and ranked.place > budget.messages as is_limited
  from ranked cross join budget
),
begun as (
  insert into flowctl.sends (
    message_id, lead_id, flow_step_id, channel, transport, recipient, address, subject, content,
    format, claimed_by, lease_until
  )
  select
    decided.id, decided.lead_id, decided.flow_step_id, decided.channel, decided.transport,
    decided.recipient, decided.addresses[1], decided.subject, decided.content, decided.format,
    %(run)s::uuid, now() + %(lease)s::interval
  from decided
  where decided.begins
),
stopped as (
  update public.message_logs as message
  set
    status = case when decided.cancelled is null then message.status else 'cancelled' end,
    cause = decided.cause,
    error_message = coalesce(decided.cancelled, message.error_message),
    recipient = case
      when decided.cancelled is null then message.recipient else decided.recipient
    end,
    scheduled_for = case
      when decided.cancelled is null then greatest(message.scheduled_for, decided.gap_ends)
      else message.scheduled_for
    end,
    claimed_by = null,
    lease_until = null
  from decided
  where message.id = decided.id
    and (decided.cancelled is not null or decided.gap_ends > decided.moment)
)
select
  decided.id,
  decided.cancelled,
  case
    when decided.cancelled is null and decided.gap_ends > decided.moment then decided.gap_ends
  end as deferred_to,
  coalesce(decided.is_busy, false) and decided.cancelled is null
    and coalesce(decided.gap_ends <= decided.moment, true) as is_busy,
  coalesce(decided.is_limited, false) as is_limited
from decided;

-- name: begin_sends_over_nodes
-- As begin_sends, of messages that are weighed against those of leads on other nodes: the claims
-- are kept from others by an update, what is known of a lead is looked up for all leads at once,
-- and what begins is written by add_send.
with asked as materialized (
  select given.*
  from json_to_recordset(%(intents)s::json) as given (
    number integer, id uuid, channel text, transport text, recipient text, addresses text[],
    subject text, content text, format text, has_earlier boolean
  )
),
held as (
  update public.message_logs as message
  set lease_until = message.lease_until
  from asked
  where message.id = asked.id
    and message.claimed_by = %(run)s::uuid
    and message.status = 'pending'
    and message.lease_until > now()
    and not exists (
      select from flowctl.sends as send
      where send.lead_id = message.lead_id and send.message_id = message.id
    )
  returning message.id, message.lead_id, message.flow_step_id
),
candidate as materialized (
  select
    asked.*,
    held.lead_id,
    held.flow_step_id,
    parent.min_gap,
    parent.dedupe_address,
    step.flow,
    step.step_order,
    coalesce(%(now)s::timestamptz, now()) as moment
  from asked
  inner join held on held.id = asked.id
  left join public.flow_steps as step on step.id = held.flow_step_id
  left join public.flows as parent on parent.name = step.flow
  -- paused since the claim
  where parent.paused_at is null
),
in_flight as materialized (
  select send.message_id, send.lead_id, send.channel, send.flow_step_id, step.flow,
    flowctl.comparable_address(send.channel, send.recipient) as address
  from flowctl.sends as send
  left join public.flow_steps as step on step.id = send.flow_step_id
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
        when own.id in (select in_flight.message_id from in_flight) then not own.is_unknown
        else own.due_at <= candidate.moment
      end
    ) as has_earlier
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
    and sent_address.digest = flowctl.address_digest(candidate.channel, candidate.recipient)
  where candidate.dedupe_address
),
judged as materialized (
  select
    candidate.*,
    past.gap_ends,
    case
      when exists (
        select from public.suppressions as suppression
        where suppression.channel = candidate.channel
          and suppression.address = any(candidate.addresses)
      ) then 'suppressed'
      when candidate.id in (select known.id from known) then 'duplicate'
    end as cause,
    coalesce(past.has_earlier, false)
    or (candidate.min_gap is not null and exists (
      select from in_flight
      where in_flight.lead_id = candidate.lead_id and in_flight.channel = candidate.channel
        and in_flight.flow = candidate.flow
    ))
    or (candidate.dedupe_address and (
      row_number() over (
        partition by candidate.flow_step_id, candidate.addresses[1] order by candidate.number
      ) > 1
      or exists (
        select from in_flight
        where in_flight.flow_step_id = candidate.flow_step_id
          and in_flight.address = candidate.addresses[1]
      )
    )) as is_busy
  from candidate
  left join past on past.id = candidate.id
),
allowed as materialized (
  select
    judged.*,
    judged.cause is null and coalesce(judged.gap_ends <= judged.moment, true)
      and not coalesce(judged.is_busy, false) as may_go
  from judged
),
ranked as materialized (
  select allowed.*, sum(allowed.may_go::integer) over (order by allowed.number) as place
  from allowed
),
budget as materialized (
  select case when %(max_per_hour)s::integer is not null then %(max_per_hour)s::integer - (
    select count(*) from public.message_logs as message
    where message.status = 'sent'
      and message.sent_at > coalesce(%(now)s::timestamptz, now()) - interval '1 hour'
  ) - (select count(*) from in_flight) - (
    select count(*) from flowctl.samples as sample
    where sample.sent_at > coalesce(%(now)s::timestamptz, now()) - interval '1 hour'
  ) end as messages
),
decided as materialized (
  select
    ranked.*,
    case ranked.cause
      when 'suppressed' then 'recipient is suppressed'
      when 'duplicate' then 'already sent to this address through another lead'
    end as cancelled,
    ranked.may_go and coalesce(ranked.place <= budget.messages, true) as begins,
    ranked.may_go and ranked.place > budget.messages as is_limited
  from ranked cross join budget
),
stopped as (
  update public.message_logs as message
  set
    status = case when decided.cancelled is null then message.status else 'cancelled' end,
    cause = decided.cause,
    error_message = coalesce(decided.cancelled, message.error_message),
    recipient = case
      when decided.cancelled is null then message.recipient else decided.recipient
    end,
    scheduled_for = case
      when decided.cancelled is null then greatest(message.scheduled_for, decided.gap_ends)
      else message.scheduled_for
    end,
    claimed_by = null,
    lease_until = null
  from decided
  where message.lead_id = decided.lead_id
    and message.id = decided.id
    and (decided.cancelled is not null or decided.gap_ends > decided.moment)
)
select
  decided.id,
  decided.cancelled,
  decided.lead_id::text as lead_id,
  case
    when decided.cancelled is null and decided.gap_ends > decided.moment then decided.gap_ends
  end as deferred_to,
  coalesce(decided.is_busy, false) and decided.cancelled is null
    and coalesce(decided.gap_ends <= decided.moment, true) as is_busy,
  coalesce(decided.is_limited, false) as is_limited,
  coalesce(decided.begins, false) as begins
from decided;

-- name: add_send
-- A message that begins: `row` is its intent.
insert into flowctl.sends (
  message_id, lead_id, flow_step_id, channel, transport, recipient, subject, content, format,
  claimed_by, lease_until
)
select
  message.id, message.lead_id, message.flow_step_id, %(row)s::json ->> 'channel',
  %(row)s::json ->> 'transport', %(row)s::json ->> 'recipient', %(row)s::json ->> 'subject',
  %(row)s::json ->> 'content', %(row)s::json ->> 'format', %(run)s::uuid,
  now() + %(lease)s::interval
from public.message_logs as message
where message.lead_id = %(lead_id)s and message.id = %(id)s;

-- name: abandon_sends
-- Takes back intents of this run of which nothing was handed over.
delete from flowctl.sends as send
where send.message_id = any(%(ids)s::uuid[]) and send.claimed_by = %(run)s::uuid;
