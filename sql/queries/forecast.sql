-- What is to come, from the messages that are scheduled.

-- name: forecast
-- What falls due on each of the coming days of a zone, today first; what is overdue counts for
-- today. A gap of the flow puts off what comes too soon after another of its lead's messages, into
-- the send window if there is one. What cannot go, as things are, is counted beside it, each
-- message once. `sample` are texts that will go, at most so many a day: their ids are random.
with period as materialized (
  select
    flowctl.local_time(now(), %(zone)s::text)::date as today,
    flowctl.instant_of(
      (flowctl.local_time(now(), %(zone)s::text)::date + %(days)s::integer)::timestamp,
      %(zone)s::text
    ) as ends
),
waiting as materialized (
  select
    message.id,
    message.lead_id,
    message.message_type,
    parent.min_gap,
    step.flow,
    step.step_order,
    -- what lies ahead and has no gap stands inside its window already
    case when parent.send_window is not null
      and (parent.min_gap is not null or message.due_at < now())
      then flowctl.step_setting(step, parent)
    end as setting,
    parent.paused_at is not null as is_paused,
    greatest(message.due_at, now()) as due_at,
    to_jsonb(lead) ->> case message.message_type when 'email' then 'email' else 'phone' end
      as address,
    case when parent.send_window is not null then to_jsonb(lead) ->> 'timezone' end as own_zone
  from period
  inner join public.message_logs as message on message.due_at < period.ends
  inner join public.leads as lead on lead.id = message.lead_id
  left join public.flow_steps as step on step.id = message.flow_step_id
  left join public.flows as parent on parent.name = step.flow
  where message.status = 'pending'
    and (%(flow)s::text is null or step.flow = %(flow)s::text)
),
timed as materialized (
  -- the window that it meets when it is due
  select
    waiting.id, waiting.lead_id, waiting.message_type, waiting.min_gap, waiting.flow,
    waiting.step_order, waiting.setting, waiting.is_paused, waiting.address, own.zone,
    case
      when (waiting.setting).opens is null then waiting.due_at
      else flowctl.window_edge(
        waiting.due_at, own.zone, (waiting.setting).opens, (waiting.setting).closes,
        (waiting.setting).weekdays, true
      )
    end as due_at
  from waiting
  cross join lateral ( -- noqa: ST05
    select case when (waiting.setting).opens is not null then coalesce(
      flowctl.zone_of(waiting.own_zone), (waiting.setting).zone
    ) end as zone
  ) as own
),
last as materialized (
  -- what the leads that wait for a gap were sent last
  select earlier.lead_id, step.flow, earlier.message_type, max(earlier.sent_at) as sent_at
  from public.message_logs as earlier
  inner join public.flow_steps as step on step.id = earlier.flow_step_id
  inner join public.flows as parent on parent.name = step.flow
  where earlier.status = 'sent' and parent.min_gap is not null
    and earlier.lead_id in (select timed.lead_id from timed where timed.min_gap is not null)
  group by earlier.lead_id, step.flow, earlier.message_type
),
numbered as (
  select
    timed.*,
    last.sent_at as last_sent,
    row_number() over mine as number
  from timed
  left join last
    on last.lead_id = timed.lead_id and last.flow = timed.flow
    and last.message_type = timed.message_type
  window mine as (
    partition by timed.lead_id, timed.flow, timed.message_type
    order by timed.due_at, timed.step_order, timed.id
  )
),
windowed as (
  select
    paced.id,
    paced.waits_until
  from (
    select
      array_agg(numbered.id order by numbered.number) as ids,
      flowctl.spaced(
        array_agg(numbered.due_at order by numbered.number),
        numbered.last_sent,
        numbered.min_gap,
        now(),
        numbered.zone,
        (numbered.setting).opens,
        (numbered.setting).closes,
        (numbered.setting).weekdays
      ) as waits
    from numbered
    where (numbered.setting).opens is not null
    group by
      numbered.lead_id, numbered.flow, numbered.message_type, numbered.last_sent, numbered.min_gap,
      numbered.zone, (numbered.setting).opens,
      (numbered.setting).closes, (numbered.setting).weekdays
  ) as spaced
  cross join lateral unnest(spaced.ids, spaced.waits) as paced (id, waits_until)
),
apart as (
  -- the n-th goes a gap after the one before it, or at its own time: the latest start of all
  -- before, and the gaps since then
  select
    numbered.*,
    coalesce(
      windowed.waits_until,
      case when windowed.id is not null then numbered.due_at end,
      greatest(
        numbered.last_sent + numbered.number * numbered.min_gap,
        numbered.number * numbered.min_gap
        + max(numbered.due_at - numbered.number * numbered.min_gap) over (
          partition by numbered.lead_id, numbered.flow, numbered.message_type
          order by numbered.number
        )
      ),
      numbered.due_at
    ) as sent_at
  from numbered
  left join windowed on windowed.id = numbered.id
),
judged as (
  select
    apart.id,
    apart.message_type,
    flowctl.local_time(apart.sent_at, %(zone)s::text)::date as date,
    case
      when apart.is_paused then 'paused'
      when coalesce(apart.address, '') !~ '[^[:space:]]' then 'no_address'
      when suppression.address is not null then 'suppressed'
    end as obstacle
  from apart
  left join public.suppressions as suppression
    on suppression.channel = apart.message_type
    and suppression.address = flowctl.comparable_address(apart.message_type, apart.address)
),
ranked as (
  select
    judged.*,
    case when judged.message_type = 'text' and judged.obstacle is null then row_number() over (
      partition by judged.date, judged.message_type, judged.obstacle order by judged.id
    ) <= %(sample)s::integer end as is_sample
  from judged
),
falling as (
  select
    ranked.date,
    count(*) filter (where ranked.message_type = 'email') as email,
    count(*) filter (where ranked.message_type = 'text') as text,
    count(*) filter (where ranked.message_type = 'text' and ranked.obstacle is null) as going,
    count(*) filter (where ranked.obstacle = 'no_address') as no_address,
    count(*) filter (where ranked.obstacle = 'suppressed') as suppressed,
    count(*) filter (where ranked.obstacle = 'paused') as paused,
    coalesce(array_agg(ranked.id) filter (where ranked.is_sample), '{}') as sample
  from ranked
  group by ranked.date
)
select
  period.today + coming.number as date,
  coalesce(falling.email, 0) as email,
  coalesce(falling.text, 0) as text,
  coalesce(falling.going, 0) as going,
  coalesce(falling.no_address, 0) as no_address,
  coalesce(falling.suppressed, 0) as suppressed,
  coalesce(falling.paused, 0) as paused,
  coalesce(falling.sample, '{}') as sample
from period
cross join generate_series(0, %(days)s::integer - 1) as coming (number)
left join falling on falling.date = period.today + coming.number
order by coming.number;

-- name: forecast_texts
select
  message.id,
  message.content,
  message.scheduled_for,
  to_jsonb(lead) as lead,
  coalesce(flowctl.zone_of(to_jsonb(lead) ->> 'timezone'), parent.timezone, 'UTC') as zone
from public.message_logs as message
inner join public.leads as lead on lead.id = message.lead_id
left join public.flow_steps as step on step.id = message.flow_step_id
left join public.flows as parent on parent.name = step.flow
where message.id = any(%(ids)s::uuid[]);
