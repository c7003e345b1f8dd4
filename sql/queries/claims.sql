-- What a dispatcher has hold of. `now` is null in production: the database's clock decides. Leases
-- are always counted on the real clock, so that a pretended time cannot keep two runs apart.

-- name: claim_due
-- made of claim_chosen, with chosen by choose_due

-- name: claim_chosen
-- Claims for this run what was chosen, and judges it: `chosen` is made, and locked, by choose_due.
-- A message that must not be sent is cancelled here, one that meets its send window is moved to it;
-- only the others are claimed. `unseen` is a lead that this role cannot read: its message is left
-- as it is.
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
    coalesce(%(now)s::timestamptz, now()) as judged_at,
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
      when placed.judged_at > placed.planned_for + placed.expire_after then 'expired'
    end as cause,
    case when placed.opens is not null then flowctl.window_edge(
      placed.judged_at, placed.zone, placed.opens, placed.closes, placed.weekdays, true
    ) end as opens_at,
    case when placed.opens is not null then flowctl.window_edge(
      placed.judged_at, placed.zone, placed.opens, placed.closes, placed.weekdays, false
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
    weighed.cause is null and coalesce(weighed.opens_at <= weighed.judged_at, true) as is_claimed
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
    -- by its key, however small the table is; that it is due is not asked again of what is locked
    and message.id = any(array(select judged.id from judged))
    and (judged.lead is not null or judged.cause = 'lead_deleted')
  returning
    message.id, message.lead_id, message.subject, message.content, message.format, message.attempts,
    message.due_at
)
select
  claimed.id, claimed.lead_id::text, claimed.subject, claimed.content, claimed.format,
  claimed.attempts, claimed.due_at, judged.lead, judged.zone, judged.judged_at as claimed_at,
  judged.flow, judged.key, judged.step_order, judged.is_guarded, judged.has_earlier,
  judged.is_pulled, judged.cancelled,
  case when judged.cancelled is null and not judged.is_claimed then judged.opens_at end
    as deferred_to,
  judged.closes_at - judged.judged_at as valid_for,
  judged.judged_at - judged.scheduled_for as late_by,
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

-- name: renew_leases
-- What this run holds lasts longer; it waits for no row that somebody else has locked. What another
-- dispatcher took over meanwhile, and a text that waits to be looked up, is left alone.
with renewed as (
  update flowctl.sends as send
  set lease_until = now() + %(lease)s::interval
  where send.message_id in (
    select held.message_id from flowctl.sends as held
    where held.message_id = any(%(ids)s::uuid[]) and held.claimed_by = %(run)s::uuid
    for update skip locked /* on one machine */
  )
)
update public.message_logs as message
set lease_until = now() + %(lease)s::interval
where message.id in (
  select held.id from public.message_logs as held
  where held.id = any(%(ids)s::uuid[]) and held.claimed_by = %(run)s::uuid
    and held.status = 'pending'
  for no key update skip locked /* on one machine */
)
returning message.id;

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
