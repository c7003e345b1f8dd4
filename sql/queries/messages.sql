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

-- In these and in message_changes.sql `/* filter */` stands for the conditions of
-- store/messages.py: one filter for all. Here it leaves out status and time: each part has its own,
-- said once, so that the planner expects as many as there are and walks the part's index.

-- name: list_messages
-- What is to come, the soonest first, and what is over, the newest first: sent ones by the time of
-- sending, others by the time they had; at most so many of each status.
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
)

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
  where filtered.status = 'failed' and 'failed' = any(%(statuses)s::text[])
    and (%(since)s::timestamptz is null or filtered.scheduled_for >= %(since)s::timestamptz)
    and (%(until)s::timestamptz is null or filtered.scheduled_for < %(until)s::timestamptz)
  order by filtered.scheduled_for desc
  limit %(batch_size)s::bigint
)
union all
(
  select filtered.id
  from filtered
  where filtered.status = 'cancelled' and 'cancelled' = any(%(statuses)s::text[])
    and (%(since)s::timestamptz is null or filtered.scheduled_for >= %(since)s::timestamptz)
    and (%(until)s::timestamptz is null or filtered.scheduled_for < %(until)s::timestamptz)
  order by filtered.scheduled_for desc
  limit %(batch_size)s::bigint
);

-- name: list_messages_of_steps
-- The same of some steps or of one channel, or of what is due, where a walk past all others may be
-- long: each step is walked by itself, and what has none, and in it each channel and state.
with timed as not materialized (
  select
    message.id, message.flow_step_id, message.message_type, message.status, message.due_at,
    -- as message_logs_step_state has it
    case message.status
      when 'sent' then message.sent_at
      when 'pending' then message.due_at
      else message.scheduled_for
    end as listed_at
  from public.message_logs as message
  where true /* filter */
),

step as (
  select own.id
  from public.flow_steps as own
  inner join public.flows as parent on parent.name = own.flow
  where (%(flow)s::text is null or own.flow = %(flow)s::text)
    and (%(steps)s::uuid[] is null or own.id = any(%(steps)s::uuid[]))
    -- what waits in a pause is not due, and not walked past
    and (parent.paused_at is null or not %(is_due)s::boolean)
  union all
  select null::uuid as id
  where %(flow)s::text is null and %(steps)s::uuid[] is null
),

channel as (
  select given.name
  from (values ('email'), ('text')) as given (name)
  where %(channel)s::text is null or given.name = %(channel)s::text
),

state as (
  select given.name
  from unnest(%(statuses)s::text[]) as given (name)
  where given.name <> 'pending'
)

(
  select soonest.id
  from step
  cross join channel
  cross join lateral ( -- noqa: ST05
    (
      select timed.id, timed.due_at
      from timed
      where timed.flow_step_id = step.id
        and timed.message_type = channel.name
        and timed.status = 'pending' and 'pending' = any(%(statuses)s::text[])
        and (%(since)s::timestamptz is null or timed.due_at >= %(since)s::timestamptz)
        and (%(until)s::timestamptz is null or timed.due_at < %(until)s::timestamptz)
      order by timed.due_at, timed.id
      limit %(batch_size)s::bigint
    )
    union all
    (
      select timed.id, timed.due_at
      from timed
      where step.id is null and timed.flow_step_id is null
        and timed.message_type = channel.name
        and timed.status = 'pending' and 'pending' = any(%(statuses)s::text[])
        and (%(since)s::timestamptz is null or timed.due_at >= %(since)s::timestamptz)
        and (%(until)s::timestamptz is null or timed.due_at < %(until)s::timestamptz)
      order by timed.due_at, timed.id
      limit %(batch_size)s::bigint
    )
  ) as soonest
  order by soonest.due_at, soonest.id
  limit %(batch_size)s::bigint
)
union all
(
  select newest.id
  from step
  cross join channel
  cross join state
  cross join lateral ( -- noqa: ST05
    (
      select timed.id, timed.listed_at
      from timed
      where timed.flow_step_id = step.id
        and timed.message_type = channel.name
        and timed.status = state.name
        and (%(since)s::timestamptz is null or timed.listed_at >= %(since)s::timestamptz)
        and (%(until)s::timestamptz is null or timed.listed_at < %(until)s::timestamptz)
      order by timed.listed_at desc
      limit %(batch_size)s::bigint
    )
    union all
    (
      select timed.id, timed.listed_at
      from timed
      where step.id is null and timed.flow_step_id is null
        and timed.message_type = channel.name
        and timed.status = state.name
        and (%(since)s::timestamptz is null or timed.listed_at >= %(since)s::timestamptz)
        and (%(until)s::timestamptz is null or timed.listed_at < %(until)s::timestamptz)
      order by timed.listed_at desc
      limit %(batch_size)s::bigint
    )
  ) as newest
  order by newest.listed_at desc
  limit %(batch_size)s::bigint
);

-- name: show_chosen
-- The messages that one of the two above has found, in their order, with what names the lead and
-- where it could be written to.
with listed as (
  select
    message.id,
    message.lead_id::text as lead_id,
    message.flow_step_id,
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
  left join public.leads as lead on lead.id = message.lead_id
)

select
  listed.id,
  listed.lead_id,
  step.flow,
  step.key,
  step.step_order,
  listed.message_type,
  listed."to",
  listed.subject,
  listed.content,
  listed.status,
  listed.scheduled_for,
  listed.due_at,
  listed.sent_at,
  listed.attempts,
  listed.provider_id,
  listed.delivery_status,
  listed.error_message,
  listed.is_unknown,
  listed.lead
from listed
left join public.flow_steps as step on step.id = listed.flow_step_id
order by
  listed.status <> 'pending',
  case when listed.status = 'pending' then listed.due_at end,
  coalesce(listed.sent_at, listed.scheduled_for) desc,
  listed.id;

-- name: messages_to
-- What was written to an address in its comparable form, found by `written`, an entry of the index
-- of recipients, where it is known; and what was written to nobody yet, of leads that have the
-- address.
select message.id
from public.message_logs as message
where message.recipient is not null
  -- asked as a value: by the index, however many are expected
  and case message.message_type when 'email' then lower(message.recipient)
    else right(message.recipient, 6) end = (select %(written)s::text)
  and message.message_type = %(channel)s::text
  and flowctl.comparable_address(message.message_type, message.recipient) = %(address)s::text
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
