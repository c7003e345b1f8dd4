-- What a dispatcher does to messages where it locks none before it claims them: with a slot, and
-- over several nodes, since no lock skips what is locked there; and what status counts over nodes,
-- where no step can be looked at by itself.

-- name: choose_share
-- As choose_due. What is due is looked at without a lock: of two dispatchers with one slot, one
-- takes it.
with running as materialized (
  select step.id
  from public.flow_steps as step
  inner join public.flows as flow on flow.name = step.flow
  where flow.paused_at is null
    and exists (select from public.flows as other where other.paused_at is not null)
  union all
  -- messages without a step are in no flow
  select null where exists (select from public.flows as other where other.paused_at is not null)
),
due_in_order as materialized (
  select
    message.id, message.lead_id, message.flow_step_id, message.status, message.due_at,
    message.scheduled_for, message.planned_for, message.is_own
  from flowctl.free_messages as free
  inner join public.message_logs as message on message.ctid = free.place
  where not exists (select from running)
    and free.message_type = %(channel)s
    and free.due_at <= coalesce(%(now)s::timestamptz, now())
    and free.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
    -- so that the planner expects to keep half of them, and walks the index in order
    and coalesce(
      flowctl.slot_of(message.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
    )
  order by free.due_at, free.id
  limit %(batch_size)s
),
due_by_step as materialized (
  select own.*
  from running
  cross join lateral (
    (
      select
        message.id, message.lead_id, message.flow_step_id, message.status, message.due_at,
        message.scheduled_for, message.planned_for, message.is_own
      from flowctl.free_messages as free
      inner join public.message_logs as message on message.ctid = free.place
      -- said as a list, and in this order, so that no other index suits
      where free.flow_step_id = any(array[running.id])
        and free.message_type = %(channel)s
        and free.due_at <= coalesce(%(now)s::timestamptz, now())
        and free.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
        and coalesce(
          flowctl.slot_of(message.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
        )
      order by free.flow_step_id, free.message_type, free.due_at, free.id
      limit %(batch_size)s
    )
    union all
    (
      select
        message.id, message.lead_id, message.flow_step_id, message.status, message.due_at,
        message.scheduled_for, message.planned_for, message.is_own
      from flowctl.free_messages as free
      inner join public.message_logs as message on message.ctid = free.place
      where running.id is null
        and free.flow_step_id is null
        and free.message_type = %(channel)s
        and free.due_at <= coalesce(%(now)s::timestamptz, now())
        and free.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
        and coalesce(
          flowctl.slot_of(message.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
        )
      order by free.flow_step_id, free.message_type, free.due_at, free.id
      limit %(batch_size)s
    )
  ) as own
  order by own.due_at, own.id
  limit %(batch_size)s
),
due as materialized (
  select due_in_order.* from due_in_order
  union all
  select due_by_step.* from due_by_step
),
earlier_step as materialized (
  select step.id, earlier.id as earlier_id
  from public.flow_steps as step
  inner join public.flow_steps as earlier
    on earlier.flow = step.flow and earlier.step_order < step.step_order
),
ahead as materialized (
  -- the pending messages that each of them comes after
  select
    due.id as waiting_id, message.id, message.lead_id, message.flow_step_id, message.status,
    message.due_at, message.scheduled_for, message.planned_for, message.is_own
  from due
  inner join earlier_step on earlier_step.id = due.flow_step_id
  inner join public.message_logs as message
    on message.lead_id = due.lead_id and message.flow_step_id = earlier_step.earlier_id
  where message.status = due.status and message.message_type = %(channel)s
),
taken as materialized (
  select due.*, false as is_pulled from due
  union all
  select distinct
    ahead.id, ahead.lead_id, ahead.flow_step_id, ahead.status, ahead.due_at, ahead.scheduled_for,
    ahead.planned_for, ahead.is_own, true
  from ahead
  where ahead.due_at <= coalesce(%(now)s::timestamptz, now())
    and ahead.id not in (select due.id from due)
)
select
  taken.id, taken.lead_id, taken.flow_step_id, taken.status, taken.due_at, taken.scheduled_for,
  taken.planned_for, taken.is_own, taken.is_pulled, found.lead,
  taken.is_pulled or taken.id in (select ahead.waiting_id from ahead) as has_earlier
from taken
left join lateral (
  -- offset 0: made into JSON once, by the lead's index
  select to_jsonb(lead) as lead
  from public.leads as lead
  where lead.id = taken.lead_id
  offset 0
) as found on true;

-- name: begin_share
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

-- name: is_share_due
-- As is_due.
with step as (
  select flow_step.id
  from public.flow_steps as flow_step
  inner join public.flows as flow on flow.name = flow_step.flow
  where flow.paused_at is null
),
wanted as (
  select unnest(%(channels)s::text[]) as channel
)
select exists (
  select from wanted
  cross join step
  cross join lateral (
    select from flowctl.free_messages as free
    inner join public.message_logs as message on message.ctid = free.place
    -- said as a list, and in this order, so that no other index suits
    where free.flow_step_id = any(array[step.id])
      and free.message_type = wanted.channel
      and free.due_at <= coalesce(%(now)s::timestamptz, now())
      and coalesce(
        flowctl.slot_of(message.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
      )
    order by free.flow_step_id, free.message_type, free.due_at
    limit 1
  ) as due
) or exists (
  select from wanted
  cross join lateral (
    select from flowctl.free_messages as free
    inner join public.message_logs as message on message.ctid = free.place
    where free.flow_step_id is null
      and free.message_type = wanted.channel
      and free.due_at <= coalesce(%(now)s::timestamptz, now())
      and coalesce(
        flowctl.slot_of(message.lead_id::text, %(slots)s::integer) = %(slot)s::integer, true
      )
    order by free.flow_step_id, free.message_type, free.due_at
    limit 1
  ) as due
);

-- name: due_of_shares
-- As due_by_channel; each node counts its own.
select
  free.message_type as channel,
  count(*) as messages,
  floor(extract(epoch from now() - min(free.due_at)))::bigint as oldest_seconds
from flowctl.free_messages as free
where free.due_at <= now()
group by free.message_type;

-- name: count_shares_paused
-- As count_paused.
select count(*)
from public.message_logs as message
where message.status = 'pending'
  and message.due_at <= now()
  and message.flow_step_id in (
    select step.id
    from public.flow_steps as step
    inner join public.flows as flow on flow.name = step.flow
    where flow.paused_at is not null
  );

-- name: renew_share
-- As renew_leases.
with renewed as (
  update flowctl.sends as send
  set lease_until = now() + %(lease)s::interval
  where send.message_id = any(%(ids)s::uuid[]) and send.claimed_by = %(run)s::uuid
)
update public.message_logs as message
set lease_until = now() + %(lease)s::interval
where message.id = any(%(ids)s::uuid[]) and message.claimed_by = %(run)s::uuid
  and message.status = 'pending';

-- name: is_distributed
select exists(select from flowctl.routines as own where own.name = 'citus');

-- name: touch_messages
-- As lock_messages, and waits for the dispatchers that hold one.
update public.message_logs as message
set lease_until = message.lease_until
where message.id = any(%(ids)s::uuid[])
returning message.id;

-- name: touch_pending_of_flow
-- As lock_pending_of_flow.
update public.message_logs as message
set lease_until = message.lease_until
from public.flow_steps as step
where step.id = message.flow_step_id and step.flow = %(flow)s and message.status = 'pending';

-- name: one_by_one
-- Over one connection to each node, until the end of the transaction.
select set_config('citus.multi_shard_modify_mode', 'sequential', true);
