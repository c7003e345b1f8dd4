-- What a lead was sent, what it will be sent, and what a lead that does not exist would be sent. It
-- only reads: it runs in a read-only transaction, on a replica too.

-- name: zone_of
-- A zone by the server's own spelling (null: unknown), and the zone where nothing else says one.
select
  flowctl.zone_of(%(written)s::text) as zone,
  (select flow.timezone from public.flows as flow where flow.name = 'default') as fallback;

-- name: preview_schedule
-- Each step with the lead's message of it, if there is one, and what lead_schedule says of it: for
-- a message seen from the moment it was made, so that the answer is the one that made it; for a
-- lead that does not exist from the moment of its creation. The steps are those of the tables, or
-- those in `file`: a list of {"flow", "steps"} with the columns of the two tables, where a step
-- that "is_synced" takes its pending message along, as `steps sync --update-pending` would.
with existing as materialized (
  select lead.id, lead.created_at::timestamptz as created_at, to_jsonb(lead) as lead
  from public.leads as lead
  where lead.id = %(lead_id)s
),
own as materialized (
  -- the lead's messages, and whether each is being sent
  select message.*, send.message_id is not null as is_being_sent
  from public.message_logs as message
  left join flowctl.sends as send
    on send.lead_id = message.lead_id and send.message_id = message.id
  where message.lead_id = %(lead_id)s
),
subject as (
  select
    existing.lead,
    existing.id,
    case
      when existing.created_at between '0001-01-02 00:00+00' and '9900-01-01 00:00+00'
        then existing.created_at
    end as created_at
  from existing
  union all
  select given.lead, null, null
  from (select %(lead)s::jsonb as lead) as given
  where given.lead is not null
),
listed as (
  select
    step.subject, step.content, step.format, parent.timezone, parent.exit_when, parent.expire_after,
    parent.min_gap, setting, setting.flow, setting.day, setting.time_of_day, setting.opens,
    setting.closes, setting.weekdays, setting.skipped, step.id,
    setting as entered,
    false as is_synced
  from public.flow_steps as step
  inner join public.flows as parent on parent.name = step.flow
  cross join lateral flowctl.step_setting(step, parent) as setting
  where %(file)s::jsonb is null
  union all
  select
    step.subject, step.content, step.format, parent.timezone, parent.exit_when, parent.expire_after,
    parent.min_gap, setting, setting.flow, setting.day, setting.time_of_day, setting.opens,
    setting.closes, setting.weekdays, setting.skipped, step.id,
    -- the audience decides who enters, and is not asked again
    flowctl.step_setting(step, jsonb_populate_record(parent, '{"audience": null}')),
    coalesce((written.row ->> 'is_synced')::boolean, false)
  from jsonb_array_elements(%(file)s::jsonb) as entry (row)
  cross join lateral jsonb_array_elements(entry.row -> 'steps') as written (row)
  cross join lateral jsonb_populate_record(null::public.flows, entry.row -> 'flow') as parent
  cross join lateral jsonb_populate_record(null::public.flow_steps, written.row) as step
  cross join lateral flowctl.step_setting(step, parent) as setting
),
placed as (
  select
    listed.*,
    subject.lead,
    message.id as message_id,
    message.created_at as scheduled_at,
    message.status,
    message.due_at,
    message.planned_for as plan_before,
    message.counted_from,
    message.shifted_days,
    least(message.planned_for, message.scheduled_for) as message_planned_for,
    subject.id is not null as is_lead,
    listed.is_synced and message.status = 'pending'
    and coalesce(message.lease_until < now(), true) and not message.is_being_sent as is_following,
    case
      when subject.id is not null then coalesce(message.counted_from, subject.created_at)
      else coalesce(
        %(instant)s::timestamptz,
        flowctl.instant_of(%(wall)s::timestamp, coalesce(%(zone)s::text, listed.timezone))
      )
    end as created_at
  from listed
  cross join subject
  left join own as message on message.lead_id = subject.id and message.flow_step_id = listed.id
  where coalesce(listed.flow = %(only_flow)s::text, true)
),
seen as (
  select
    placed.*,
    case
      when placed.is_lead then coalesce(placed.scheduled_at, now())
      else placed.created_at
    end as seen_at
  from placed
),
computed as (
  select
    seen.message_id, seen.is_lead, due.flow, due.key, due.step_order, due.message_type, due.zone,
    due.planned_for, due.scheduled_for as computed_for, due.skipped, seen.created_at, seen.seen_at,
    seen.subject, seen.content, seen.format, seen.min_gap, seen.day, seen.time_of_day, seen.opens,
    seen.closes, seen.weekdays, seen.is_following, seen.counted_from is not null as is_enrolled,
    -- as flowctl.replanned and update_pending have it
    case
      when seen.is_following and due.skipped is null then greatest(
        case
          when seen.shifted_days = 0 then due.scheduled_for
          else flowctl.instant_of(
            flowctl.local_time(due.scheduled_for, due.zone) + seen.shifted_days * interval '1 day',
            due.zone
          )
        end,
        case when seen.plan_before > now() then now() end
      )
    end as replanned_for,
    case
      when seen.is_lead and coalesce(seen.status, '') <> 'pending' then null
      when seen.skipped is not null then seen.skipped
      when seen.lead @> seen.exit_when then 'lead left the flow (exit_when)'
      when seen.is_following and due.skipped is not null and seen.message_planned_for > now()
        then due.skipped
      when greatest(now(), seen.due_at) > seen.message_planned_for + seen.expire_after
        then format('expired: more than %%s late', seen.expire_after)
    end as stopped
  from seen
  cross join lateral flowctl.lead_schedule(
    case
      when seen.counted_from is null then seen.lead
      else seen.lead || jsonb_build_object('created_at', seen.counted_from)
    end,
    seen.created_at,
    seen.seen_at,
    array[case when seen.is_following then seen.entered else seen.setting end]
  ) as due
  union all
  -- a message without a step: it was deleted, or there never was one
  select
    message.id, true, null, null, null, message.message_type,
    coalesce(flowctl.zone_of(existing.lead ->> 'timezone'), common.timezone, 'UTC'),
    null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    false, false, null,
    case when message.status = 'pending' and not message.is_own then 'step was deleted' end
  from existing
  inner join own as message on message.lead_id = existing.id
  left join public.flows as common on common.name = 'default'
  where message.flow_step_id is null and %(only_flow)s::text is null
),
timed as (
  select
    computed.*,
    message.status,
    message.recipient,
    message.error_message,
    message.is_own,
    message.is_being_sent,
    message.sent_at,
    message.created_at as message_created_at,
    message.planned_for as message_planned_for,
    row_number() over () as number,
    case
      when computed.is_following then computed.subject
      else coalesce(message.subject, computed.subject)
    end as shown_subject,
    case
      when computed.is_following then coalesce(computed.content, message.content)
      else coalesce(message.content, computed.content)
    end as shown_content,
    case
      when message.id is null or computed.is_following then computed.format else message.format
    end as shown_format,
    case when message.retry_at > now() then message.retry_at end as retry_at,
    coalesce(
      case
        when computed.replanned_for <> message.planned_for
          and greatest(computed.replanned_for, message.planned_for) > now()
          then greatest(
            computed.replanned_for,
            case
              when message.scheduled_for <> message.planned_for then message.scheduled_for
            end
          )
      end,
      message.scheduled_for,
      -- when the time of what is not scheduled was, not the moment to which it would be put off
      case
        when computed.skipped is not null and computed.planned_for < computed.seen_at
          then computed.planned_for
        else computed.computed_for
      end
    ) as scheduled_for,
    flowctl.local_time(computed.planned_for, computed.zone) as planned_local,
    -- by how much the clock went back in the day before
    flowctl.local_time(computed.planned_for - interval '1 day', computed.zone)
    + interval '1 day' - flowctl.local_time(computed.planned_for, computed.zone) as shrink
  from computed
  left join own as message on message.id = computed.message_id
),
due as (
  -- what is to go out: not before now, and inside the window that is met then
  select
    timed.flow, timed.message_type, timed.min_gap, timed.zone, timed.opens, timed.closes,
    timed.weekdays, timed.step_order, timed.number, earliest.goes_at as earliest,
    case
      when timed.opens is null then earliest.goes_at
      else flowctl.window_edge(
        earliest.goes_at, timed.zone, timed.opens, timed.closes, timed.weekdays, true
      )
    end as goes_at
  from timed
  cross join lateral ( -- noqa: ST05
    select greatest(
      timed.scheduled_for, timed.retry_at, case when timed.is_lead then now() end
    ) as goes_at
  ) as earliest
  where (timed.min_gap is not null or timed.opens is not null)
    and timed.stopped is null
    and (timed.status = 'pending' or (timed.status is null and timed.skipped is null))
    and (timed.status is not null or not timed.is_lead)
),
going as (
  select due.*, row_number() over (order by due.goes_at, due.step_order) as position
  from due
),
spaced as (
  select
    array_agg(going.number order by going.position) as numbers,
    flowctl.spaced(
      array_agg(going.goes_at order by going.position),
      (
        select max(sent.sent_at) from timed as sent
        where sent.flow = going.flow and sent.message_type = going.message_type
      ),
      going.min_gap, null, going.zone, going.opens, going.closes, going.weekdays
    ) as waits
  from going
  group by
    going.flow, going.message_type, going.min_gap, going.zone, going.opens, going.closes,
    going.weekdays
),
waiting as (
  select
    going.number,
    coalesce(paced.waits_until, nullif(going.goes_at, going.earliest)) as waits_until
  from spaced
  cross join lateral unnest(spaced.numbers, spaced.waits) as paced (number, waits_until)
  inner join going on going.number = paced.number
)
select
  timed.is_lead,
  timed.flow,
  timed.key,
  timed.step_order,
  timed.message_type as channel,
  timed.shown_subject as subject,
  timed.shown_content as content,
  timed.shown_format as format,
  timed.status,
  timed.recipient,
  timed.error_message as error,
  timed.scheduled_for,
  timed.sent_at,
  timed.retry_at,
  timed.skipped,
  timed.stopped,
  timed.zone,
  timed.created_at,
  timed.seen_at,
  timed.planned_for,
  timed.planned_local,
  timed.computed_for,
  timed.day,
  timed.time_of_day,
  timed.opens,
  timed.closes,
  timed.weekdays,
  timed.min_gap,
  timed.is_enrolled,
  waiting.waits_until,
  flowctl.local_time(timed.scheduled_for, timed.zone) as scheduled_local,
  flowctl.local_time(timed.sent_at, timed.zone) as sent_local,
  flowctl.local_time(waiting.waits_until, timed.zone) as waits_local,
  flowctl.local_time(timed.retry_at, timed.zone) as retry_local,
  coalesce(timed.is_own, false) as is_own,
  coalesce(
    flowctl.is_moved_by_rules(
      timed.zone, timed.message_created_at, timed.message_planned_for, timed.computed_for
    ),
    false
  ) as is_moved_by_rules,
  coalesce(timed.is_being_sent, false) as is_being_sent,
  flowctl.local_time(timed.created_at, timed.zone) as created_local,
  flowctl.local_time(timed.seen_at, timed.zone) as seen_local,
  coalesce(
    timed.shrink > interval '0'
    and flowctl.local_time(timed.planned_for - timed.shrink, timed.zone) = timed.planned_local,
    false
  ) as planned_repeats,
  flowctl.local_time(timed.computed_for, timed.zone) as computed_local
from timed
left join waiting on waiting.number = timed.number;

-- name: suppressed_addresses
-- Which of these addresses must not be written to.
select suppression.channel, suppression.address
from public.suppressions as suppression
inner join unnest(%(channels)s::text[], %(addresses)s::text[]) as asked (channel, address)
  on asked.channel = suppression.channel and asked.address = suppression.address;
