-- What an operator sees of messages.

-- name: steps_named
-- The steps that people call so: by key, by flow/key, by id.
select step.id
from public.flow_steps as step
where step.key = %(name)s::text
  or step.flow || '/' || step.key = %(name)s::text
  or step.id::text = lower(%(name)s::text);

-- name: step_names
select distinct step.key
from public.flow_steps as step
where step.key is not null
order by step.key;

-- In this and in message_changes.sql `/* filter */` stands for the conditions of store/messages.py:
-- one filter for both.

-- name: select_messages
-- What is to come, the soonest first, then what is over, the newest first: sent ones by the time of
-- sending, others by the time they had; at most so many of each status, with what names the lead
-- and where it could be written to. The filter leaves out status and time: each part has its own,
-- said once, so that the planner expects as many as there are and walks the part's index.
with filtered as not materialized (
  select
    message.id, message.status, message.message_type, message.due_at, message.scheduled_for,
    message.sent_at
  from public.message_logs as message
  where true /* filter */
),

soonest as (
  (
    select filtered.id, filtered.due_at
    from filtered
    where filtered.status = 'pending' and 'pending' = any(%(statuses)s::text[])
      and filtered.message_type = 'email'
      and (%(since)s::timestamptz is null or filtered.due_at >= %(since)s::timestamptz)
      and (%(until)s::timestamptz is null or filtered.due_at < %(until)s::timestamptz)
    order by filtered.due_at, filtered.id
    limit %(batch_size)s::bigint
  )
  union all
  (
    select filtered.id, filtered.due_at
    from filtered
    where filtered.status = 'pending' and 'pending' = any(%(statuses)s::text[])
      and filtered.message_type = 'text'
      and (%(since)s::timestamptz is null or filtered.due_at >= %(since)s::timestamptz)
      and (%(until)s::timestamptz is null or filtered.due_at < %(until)s::timestamptz)
    order by filtered.due_at, filtered.id
    limit %(batch_size)s::bigint
  )
),

chosen as (
  (
    select soonest.id
    from soonest
    order by soonest.due_at, soonest.id
    limit %(batch_size)s::bigint
  )
  union all
  (
    select filtered.id
    from filtered
    where filtered.status = 'sent' and 'sent' = any(%(statuses)s::text[])
      and (%(since)s::timestamptz is null or filtered.sent_at >= %(since)s::timestamptz)
      and (%(until)s::timestamptz is null or filtered.sent_at < %(until)s::timestamptz)
    order by filtered.sent_at desc
    limit %(batch_size)s::bigint
  )
  union all
  (
    select filtered.id
    from filtered
    where filtered.status in ('failed', 'cancelled')
      and array['failed', 'cancelled'] && %(statuses)s::text[]
      and (
        array['failed', 'cancelled'] <@ %(statuses)s::text[]
        or filtered.status = any(%(statuses)s::text[])
      )
      and (%(since)s::timestamptz is null or filtered.scheduled_for >= %(since)s::timestamptz)
      and (%(until)s::timestamptz is null or filtered.scheduled_for < %(until)s::timestamptz)
    order by filtered.scheduled_for desc
    limit %(batch_size)s::bigint
  )
)

select
  message.id,
  message.lead_id::text as lead_id,
  step.flow,
  step.key,
  step.step_order,
  message.message_type,
  message.recipient as "to",
  message.subject,
  message.content,
  message.status,
  message.scheduled_for,
  message.due_at,
  message.sent_at,
  message.attempts,
  message.provider_id,
  message.delivery_status,
  message.error_message,
  message.is_unknown,
  to_jsonb(lead) as lead
from chosen
inner join public.message_logs as message on message.id = chosen.id
left join public.flow_steps as step on step.id = message.flow_step_id
left join public.leads as lead on lead.id = message.lead_id
order by
  message.status <> 'pending',
  case when message.status = 'pending' then message.due_at end,
  coalesce(message.sent_at, message.scheduled_for) desc,
  message.id;

-- name: messages_to
-- What was written to an address in its comparable form, found by `written`, an entry of the index
-- of recipients, where it is known; and what was written to nobody yet, of leads that have the
-- address.
select found.id
from unnest(array[%(written)s::text]) as known (entry)
cross join lateral ( -- noqa: ST05
  -- offset 0: by the index, and by no workers, whatever is expected
  select message.id
  from public.message_logs as message
  where message.recipient is not null
    and case message.message_type when 'email' then lower(message.recipient)
      else right(message.recipient, 6) end = known.entry
    and message.message_type = %(channel)s::text
    and flowctl.comparable_address(message.message_type, message.recipient) = %(address)s::text
  offset 0
) as found
union all
select message.id
from public.message_logs as message
where %(written)s::text is null
  and message.recipient is not null
  and message.message_type = %(channel)s::text
  and flowctl.comparable_address(message.message_type, message.recipient) = %(address)s::text
union all
select message.id
from unnest(%(lead_ids)s::text[]) as given (id)
cross join lateral jsonb_populate_record(
  null::public.message_logs, jsonb_build_object('lead_id', given.id)
) as typed
inner join public.message_logs as message on message.lead_id = typed.lead_id
where message.recipient is null and message.message_type = %(channel)s::text;

-- name: ids_beginning
-- The messages whose id begins so: `low` and `high` are the least and the greatest such id.
select message.id
from public.message_logs as message
where message.id between %(low)s::uuid and %(high)s::uuid
order by message.id
limit 3;

-- name: select_message
-- Everything about one message; the columns from `sending_since` on are of a send that has begun
-- and whose outcome is not recorded.
select
  message.id,
  message.lead_id::text as lead_id,
  step.flow,
  step.key,
  message.message_type,
  message.recipient as "to",
  message.subject,
  message.content,
  message.status,
  message.scheduled_for,
  message.sent_at,
  message.attempts,
  message.provider_id,
  message.delivery_status,
  message.delivery_code,
  message.error_message,
  message.created_at,
  message.flow_step_id,
  step.step_order,
  message.retry_at,
  message.claimed_by,
  message.lease_until,
  send.begun_at as sending_since,
  send.recipient as sending_to,
  send.transport as sending_by,
  message.is_unknown or coalesce(send.lease_until < now(), false) as is_unknown,
  case when message.cause in ('no_address', 'bad_address') then
    message.planned_for + coalesce(flow.expire_after, interval '1 day')
  end as waits_for_address_until
from public.message_logs as message
left join public.flow_steps as step on step.id = message.flow_step_id
left join public.flows as flow on flow.name = step.flow
left join flowctl.sends as send
  on send.message_id = message.id and send.lead_id = message.lead_id
where message.id = %(id)s::uuid;
