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
-- made of begin_weighed, with weighed by weigh_intents

-- name: begin_sends_over_nodes
-- made of begin_weighed, with weighed by weigh_intents_over_nodes

-- name: begin_weighed
-- Makes the intent durable: after this commit the messages it calls begun may be handed over, and
-- no other. The address is checked here, as late as can be: suppressions, the same step to the same
-- address, the gap to the lead's previous message, the hourly limit.
with in_flight as materialized (
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
    weighed.*,
    case
      when exists (
        select from public.suppressions as suppression
        where suppression.channel = weighed.channel
          and suppression.address = any(weighed.addresses)
      ) then 'suppressed'
      when weighed.is_known then 'duplicate'
    end as cause,
    weighed.is_behind
    or (weighed.min_gap is not null and exists (
      select from in_flight
      where in_flight.lead_id = weighed.lead_id and in_flight.channel = weighed.channel
        and in_flight.flow = weighed.flow
    ))
    or (weighed.dedupe_address and (
      row_number() over (
        partition by weighed.flow_step_id, weighed.addresses[1] order by weighed.number
      ) > 1
      or exists (
        select from in_flight
        where in_flight.flow_step_id = weighed.flow_step_id
          and in_flight.address = weighed.addresses[1]
      )
    )) as is_busy
  from weighed
),
allowed as (
  select
    judged.*,
    judged.cause is null and coalesce(judged.gap_ends <= judged.judged_at, true)
      and not coalesce(judged.is_busy, false) as may_go
  from judged
),
ranked as (
  select allowed.*, sum(allowed.may_go::integer) over (order by allowed.number) as rank
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
    ranked.may_go and coalesce(ranked.rank <= budget.messages, true) as begins,
    ranked.may_go and ranked.rank > budget.messages as is_limited
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
  -- or Citus copies the rows to the nodes, which row-level security refuses
  returning message_id
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
    and (decided.cancelled is not null or decided.gap_ends > decided.judged_at)
)
select
  decided.id,
  decided.cancelled,
  case
    when decided.cancelled is null and decided.gap_ends > decided.judged_at then decided.gap_ends
  end as deferred_to,
  coalesce(decided.is_busy, false) and decided.cancelled is null
    and coalesce(decided.gap_ends <= decided.judged_at, true) as is_busy,
  coalesce(decided.is_limited, false) as is_limited
from decided;

-- name: abandon_sends
-- Takes back intents of this run of which nothing was handed over.
delete from flowctl.sends as send
where send.message_id = any(%(ids)s::uuid[]) and send.claimed_by = %(run)s::uuid;
