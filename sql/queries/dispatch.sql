-- What a dispatcher does to messages. `now` is null in production: the database's clock decides.
-- Leases are always counted on the real clock, so that a pretended time cannot keep two runs apart.

-- name: choose_due
-- What is due on one channel, in order, locked. With a message come those of earlier steps of its
-- flow to the same lead that are due as well: they go out first. While a flow is paused, each step
-- of the others is looked at by itself, or the walk would pass all that the pause holds back; more
-- than a batch of each, since others may be claiming the same.
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
    message.ctid as place, message.id, message.lead_id, message.flow_step_id, message.status,
    message.due_at, message.scheduled_for, message.planned_for, message.is_own
  from flowctl.free_messages as free
  -- one that was changed since the look stands elsewhere, and is left to the next
  inner join public.message_logs as message on message.ctid = free.place
  where not exists (select from running)
    and free.message_type = %(channel)s
    and free.due_at <= coalesce(%(now)s::timestamptz, now())
    and free.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
  order by free.due_at, free.id
  limit %(batch_size)s
  for update of message skip locked
),
due_by_step as materialized (
  select
    message.ctid as place, message.id, message.lead_id, message.flow_step_id, message.status,
    message.due_at, message.scheduled_for, message.planned_for, message.is_own
  from running
  cross join lateral (
    (
      select own.place, own.due_at, own.id
      from flowctl.free_messages as own
      -- said as a list, and in this order, so that no other index suits
      where own.flow_step_id = any(array[running.id])
        and own.message_type = %(channel)s
        and own.due_at <= coalesce(%(now)s::timestamptz, now())
        and own.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
      order by own.flow_step_id, own.message_type, own.due_at, own.id
      limit 4 * %(batch_size)s
    )
    union all
    (
      select own.place, own.due_at, own.id
      from flowctl.free_messages as own
      where running.id is null
        and own.flow_step_id is null
        and own.message_type = %(channel)s
        and own.due_at <= coalesce(%(now)s::timestamptz, now())
        and own.due_at >= coalesce(%(low)s::timestamptz, '-infinity')
      order by own.flow_step_id, own.message_type, own.due_at, own.id
      limit 4 * %(batch_size)s
    )
  ) as free
  inner join public.message_logs as message on message.ctid = free.place
  order by free.due_at, free.id
  limit %(batch_size)s
  for update of message skip locked
),
due as materialized (
  select due_in_order.* from due_in_order
  union all
  select due_by_step.* from due_by_step
),
earlier_step as materialized (
  select step.id, array_agg(earlier.id) as ids
  from public.flow_steps as step
  inner join public.flow_steps as earlier
    on earlier.flow = step.flow and earlier.step_order < step.step_order
  where step.id in (select due.flow_step_id from due)
  group by step.id
),
ahead as materialized (
  -- the pending messages that each of them comes after
  select due.id as waiting_id, message.place, message.id
  from due
  inner join earlier_step on earlier_step.id = due.flow_step_id
  cross join lateral (
    -- offset 0: by the lead, whatever the statistics say
    select own.ctid as place, own.id, own.message_type, own.status
    from public.message_logs as own
    where own.lead_id = due.lead_id and own.flow_step_id = any(earlier_step.ids)
    offset 0
  ) as message
  where message.status = 'pending' and message.message_type = %(channel)s
),
pulled as materialized (
  select
    message.ctid as place, message.id, message.lead_id, message.flow_step_id, message.status,
    message.due_at, message.scheduled_for, message.planned_for, message.is_own
  from public.message_logs as message
  where message.ctid = any(array(
      select ahead.place from ahead where ahead.id not in (select due.id from due)
    ))
    and exists (
      -- offset 0: message by message, not all that is due
      select from flowctl.free_messages as free
      where free.place = message.ctid and free.due_at <= coalesce(%(now)s::timestamptz, now())
      offset 0
    )
  for update of message skip locked
)
select
  taken.id, taken.lead_id, taken.flow_step_id, taken.status, taken.due_at, taken.scheduled_for,
  taken.planned_for, taken.is_own, taken.is_pulled, found.lead,
  taken.is_pulled or taken.id in (select ahead.waiting_id from ahead) as has_earlier
from (
  select due.*, false as is_pulled from due
  union all
  select pulled.*, true from pulled
) as taken
left join lateral (
  -- offset 0: made into JSON once, by the lead's index
  select to_jsonb(lead) as lead
  from public.leads as lead
  where lead.id = taken.lead_id
  offset 0
) as found on true;

-- name: claim_chosen
-- Claims for this run what was chosen, and judges it: `chosen` is made by choose_due, or by
-- choose_share where nothing is locked. A message that must not be sent is cancelled here, one
-- that meets its send window is moved to it; only the others are claimed, each if it is still as it
-- was seen. `unseen` is a lead that this role cannot read: its message is left as it is.
with step as materialized (
  -- once for each step, not for each message
  select
    setting.*,
    parent.exit_when,
    parent.expire_after,
    parent.min_gap is not null or parent.dedupe_address as is_guarded
  from public.flow_steps as flow_step
  inner join public.flows as parent on parent.name = flow_step.flow
  cross join lateral flowctl.step_setting(flow_step, parent) as setting
  where flow_step.id in (select chosen.flow_step_id from chosen)
),
stopped as materialized (
  select stop.lead_id, stop.flow
  from flowctl.stops as stop
  where stop.lead_id in (select chosen.lead_id from chosen)
),
placed as materialized (
  select
    chosen.id,
    chosen.lead_id,
    chosen.flow_step_id,
    chosen.status,
    chosen.due_at,
    chosen.scheduled_for,
    chosen.is_pulled,
    chosen.has_earlier,
    chosen.lead,
    step.flow,
    step.key,
    step.step_order,
    step.exit_when,
    step.expire_after,
    step.is_guarded,
    step.skipped,
    step.opens,
    step.closes,
    step.weekdays,
    -- the deadline counts from the plan, or from where a person has put it earlier
    least(chosen.planned_for, chosen.scheduled_for) as planned_for,
    step.id is null and not chosen.is_own as is_orphan,
    coalesce(
      case
        when chosen.lead ->> 'timezone' <> '' then flowctl.zone_of(chosen.lead ->> 'timezone')
      end,
      step.zone,
      (select parent.timezone from public.flows as parent where parent.name = 'default')
    ) as zone,
    coalesce(%(now)s::timestamptz, now()) as moment,
    now() + %(lease)s::interval as leased_until
  from chosen
  left join step on step.id = chosen.flow_step_id
),
weighed as materialized (
  select
    placed.*,
    case
      when placed.lead is null
        then case when flowctl.is_lead_deleted(placed.id) then 'lead_deleted' end
      when placed.is_orphan then 'step_deleted'
      when placed.skipped is not null then 'off'
      when exists (
        select from stopped
        where stopped.lead_id = placed.lead_id
          and (stopped.flow is null or stopped.flow = placed.flow)
      ) then 'stopped'
      when placed.lead @> placed.exit_when then 'exit_rule'
      when placed.moment > placed.planned_for + placed.expire_after then 'expired'
    end as cause,
    case when placed.opens is not null then flowctl.window_edge(
      placed.moment, placed.zone, placed.opens, placed.closes, placed.weekdays, true
    ) end as opens_at,
    case when placed.opens is not null then flowctl.window_edge(
      placed.moment, placed.zone, placed.opens, placed.closes, placed.weekdays, false
    ) end as closes_at
  from placed
),
judged as materialized (
  select
    weighed.*,
    case weighed.cause
      when 'lead_deleted' then 'lead was deleted'
      when 'step_deleted' then 'step was deleted'
      when 'off' then weighed.skipped
      when 'stopped' then 'lead is stopped'
      when 'exit_rule' then 'lead left the flow (exit_when)'
      when 'expired' then format('expired: more than %%s late', weighed.expire_after)
    end as cancelled,
    weighed.cause is null and coalesce(weighed.opens_at <= weighed.moment, true) as is_claimed
  from weighed
),
left_flow as (
  -- the rest of the flow, for a lead that has left it
  update public.message_logs as message
  set
    status = 'cancelled',
    cause = judged.cause,
    error_message = judged.cancelled,
    claimed_by = null,
    lease_until = null
  from judged
  inner join public.flow_steps as step on step.flow = judged.flow
  where judged.cause = 'exit_rule'
    and message.lead_id = judged.lead_id
    and message.flow_step_id = step.id
    and message.status = judged.status
    and message.id not in (select chosen.id from chosen)
    and not exists (
      select from flowctl.sends as send
      where send.lead_id = message.lead_id and send.message_id = message.id
    )
  returning message.id, message.lead_id, judged.cancelled
),
claimed as (
  update public.message_logs as message
  set
    status = case when judged.cancelled is null then 'pending' else 'cancelled' end,
    cause = judged.cause,
    error_message = coalesce(judged.cancelled, message.error_message),
    scheduled_for = case
      when judged.cancelled is null and not judged.is_claimed then judged.opens_at
      else message.scheduled_for
    end,
    claimed_by = case when judged.is_claimed then %(run)s::uuid end,
    lease_until = case when judged.is_claimed then judged.leased_until end
  from judged
  where message.lead_id = judged.lead_id
    and message.id = judged.id
    -- by its key, however small the table is
    and message.id = any(array(select judged.id from judged)) /* on one machine */
    and (judged.lead is not null or judged.cause = 'lead_deleted')
    -- still as it was seen; `pending` is not said, or the index of all that is pending is walked
    and message.status = judged.status
    and message.due_at = judged.due_at
    and message.flow_step_id is not distinct from judged.flow_step_id
    and (message.lease_until is null or message.lease_until < now())
    and not exists (
      select from flowctl.sends as send
      where send.lead_id = message.lead_id and send.message_id = message.id
    )
  returning
    message.id, message.lead_id, message.subject, message.content, message.format, message.attempts,
    message.due_at
)
select
  claimed.id, claimed.lead_id::text, claimed.subject, claimed.content, claimed.format,
  claimed.attempts, claimed.due_at, judged.lead, judged.zone, judged.moment as claimed_at,
  judged.flow, judged.key, judged.step_order, judged.is_guarded, judged.has_earlier,
  judged.is_pulled, judged.cancelled,
  case when judged.cancelled is null and not judged.is_claimed then judged.opens_at end
    as deferred_to,
  judged.closes_at - judged.moment as valid_for,
  judged.moment - judged.scheduled_for as late_by,
  false as is_unseen
from claimed
inner join judged on judged.id = claimed.id
union all
select
  left_flow.id, left_flow.lead_id::text, null, null, null, 0, null, null, null, null, null, null,
  null, false, false, true, left_flow.cancelled, null, null, null, false
from left_flow
union all
select
  judged.id, judged.lead_id::text, null, null, null, 0, null, null, null, null, judged.flow,
  judged.key, null, false, false, true, null, null, null, null, true
from judged
where judged.lead is null and judged.cause is null;

-- name: check_writable
-- Fails where a claim would: a read-only database, a lock on the table.
update public.message_logs as message set claimed_by = null where false;

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
  select send.lead_id, send.channel, send.flow_step_id, step.flow,
    flowctl.comparable_address(send.channel, send.recipient) as address
  from flowctl.sends as send
  left join public.flow_steps as step on step.id = send.flow_step_id
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
          and known.digest = flowctl.address_digest(candidate.channel, candidate.recipient)
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
    message_id, lead_id, flow_step_id, channel, transport, recipient, subject, content, format,
    claimed_by, lease_until
  )
  select
    decided.id, decided.lead_id, decided.flow_step_id, decided.channel, decided.transport,
    decided.recipient, decided.subject, decided.content, decided.format, %(run)s::uuid,
    now() + %(lease)s::interval
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

-- name: record_outcomes
-- Writes what became of messages, and ends their sends. That one was accepted, or may have been, is
-- written whoever holds it by now: it is the truth. Anything else only by the run whose claim it
-- still is.
with result as (
  select
    given.*,
    coalesce(%(now)s::timestamptz, now()) as moment,
    coalesce(%(now)s::timestamptz, now()) + make_interval(secs => given.pause_seconds) as retry_at
  from json_to_recordset(%(results)s::json) as given (
    id uuid, status text, error text, provider_id text, pause_seconds double precision,
    attempted boolean, is_unknown boolean, cause text
  )
),
finished as (
  delete from flowctl.sends as send
  where send.message_id = any(array(select result.id from result))
    and send.claimed_by = %(run)s::uuid
  returning send.message_id, send.recipient, send.subject, send.content, send.format
),
ended as materialized (
  select
    result.*, finished.recipient, finished.subject, finished.content, finished.format
  from result
  left join finished on finished.message_id = result.id
)
update public.message_logs as message
set
  status = ended.status,
  sent_at = case when ended.status = 'sent' then ended.moment end,
  error_message = ended.error,
  cause = ended.cause,
  is_unknown = ended.is_unknown,
  provider_id = coalesce(ended.provider_id, message.provider_id),
  recipient = coalesce(ended.recipient, message.recipient),
  subject = case
    when ended.status = 'sent' then coalesce(ended.subject, message.subject)
    else message.subject
  end,
  content = case
    when ended.status = 'sent' then coalesce(ended.content, message.content)
    else message.content
  end,
  format = case
    when ended.status = 'sent' then coalesce(ended.format, message.format)
    else message.format
  end,
  attempts = message.attempts + ended.attempted::integer,
  retry_at = ended.retry_at,
  claimed_by = null,
  lease_until = null
from ended
where message.id = ended.id
  -- by its key, however small the table is
  and message.id = any(array(select result.id from result))
  and (
    (message.status = 'pending' and message.claimed_by = %(run)s::uuid)
    or (ended.status = 'sent' and message.status <> 'sent')
    or (ended.is_unknown and message.status in ('pending', 'cancelled'))
  )
returning message.id;

-- name: keep_unknown_texts
-- A text that was handed over and not answered for keeps its send: it is looked up at the provider.
with given as (
  select unnest(%(ids)s::uuid[]) as id, unnest(%(errors)s::text[]) as error
),
kept as (
  update flowctl.sends as send
  set lease_until = now() + %(pause)s::interval
  from given
  where send.message_id = given.id and send.claimed_by = %(run)s::uuid
  returning send.message_id
)
update public.message_logs as message
set
  error_message = given.error,
  is_unknown = true,
  attempts = message.attempts + 1,
  claimed_by = null,
  lease_until = null
from given
inner join kept on kept.message_id = given.id
where message.id = given.id and message.status = 'pending' and message.claimed_by = %(run)s::uuid
returning message.id;

-- name: renew_leases
-- What this run holds lasts longer; it waits for no row that somebody else has locked. What another
-- dispatcher took over meanwhile, and a text that waits to be looked up, is left alone.
with renewed as (
  update flowctl.sends as send
  set lease_until = now() + %(lease)s::interval
  where send.message_id in (
    select held.message_id from flowctl.sends as held
    where held.message_id = any(%(ids)s::uuid[]) and held.claimed_by = %(run)s::uuid
    for update skip locked
  )
)
update public.message_logs as message
set lease_until = now() + %(lease)s::interval
where message.id in (
  select held.id from public.message_logs as held
  where held.id = any(%(ids)s::uuid[]) and held.claimed_by = %(run)s::uuid
    and held.status = 'pending'
  for no key update skip locked
);

-- name: release_claims
-- Gives back what this run holds and has not begun; `pause` keeps it from being taken at once. It
-- stays due all the while, so that what comes after it waits.
update public.message_logs as message
set claimed_by = null, lease_until = now() + %(pause)s::interval
where message.id = any(%(ids)s::uuid[]) and message.claimed_by = %(run)s::uuid
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
returning message.id;

-- name: abandon_sends
-- Takes back intents of this run of which nothing was handed over.
delete from flowctl.sends as send
where send.message_id = any(%(ids)s::uuid[]) and send.claimed_by = %(run)s::uuid;

-- name: flow_senders
select flow.name, flow.sender
from public.flows as flow
where flow.sender is not null;
