-- Adding leads, enrolling those that exist, stopping one. The type of their id is the user's
-- choice: ids come as text and are read in the type of message_logs.lead_id.

-- name: lead_by_id
-- A lead as templates and conditions see it.
select lead.id::text as id, to_jsonb(lead) as row
from public.leads as lead
where lead.id = %(lead_id)s;

-- name: leads_by_email
-- The leads whose email compares as `address`. Plain ones, which is most of them, are found as the
-- index of leads has them; the others stand there under ''.
select lead.id::text as id, to_jsonb(lead) as row
from public.leads as lead
where case
    when lead.email::text ~ '^[A-Za-z0-9_+.-]+@[A-Za-z0-9.-]*[A-Za-z0-9]$'
      and strpos(lead.email::text, '--') = 0
      then left(lower(lead.email::text collate "C"), 254) -- noqa: RF03
    when lead.email is not null then ''
  end = any(array[left(%(address)s::text, 254), ''])
  and flowctl.comparable_email(lead.email::text) = %(address)s::text
order by lead.id
limit %(batch_size)s::bigint;

-- name: leads_by_phone
-- The leads whose phone may be that number: its last digits are these. A number without its country
-- is the program's to read. The index of leads is used as above.
select lead.id::text as id, to_jsonb(lead) as row
from public.leads as lead
where case
    when translate(lead.phone::text, ' ()-./+', '') ~ '^[0-9]*$'
      then right(translate(lead.phone::text, ' ()-./+', ''), 6)
    when lead.phone is not null then ''
  end = any(array[%(ending)s::text, ''])
  and (
    translate(lead.phone::text, ' ()-./+', '') ~ '^[0-9]*$'
    or right(flowctl.comparable_phone(lead.phone::text), 6) = %(ending)s::text
  )
order by lead.id
limit %(batch_size)s::bigint;

-- name: leads_columns
-- The columns of the leads table; `base_type` is that of a domain. `is_computed` for those that
-- nobody can write.
select
  attribute.attname::text as name,
  attribute.attnotnull as is_required,
  format_type(attribute.atttypid, attribute.atttypmod) as type,
  format_type(coalesce(nullif(type.typbasetype, 0), attribute.atttypid), null) as base_type,
  attribute.attgenerated <> '' or attribute.attidentity = 'a' as is_computed,
  case
    when attribute.attgenerated = ''
      then pg_get_expr(fallback.adbin, fallback.adrelid)
  end as "default"
from pg_catalog.pg_attribute as attribute
inner join pg_catalog.pg_type as type on type.oid = attribute.atttypid
left join pg_catalog.pg_attrdef as fallback
  on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
where attribute.attrelid = 'public.leads'::regclass
  and attribute.attnum > 0
  and not attribute.attisdropped
order by attribute.attnum;

-- name: count_lead_messages
select count(*) from public.message_logs as message where message.lead_id = %(lead_id)s;

-- name: first_lead
select lead.id::text from public.leads as lead order by lead.id limit 1;

-- name: leads_from
-- Ids in order, from one on.
select lead.id::text
from public.leads as lead
where lead.id >= %(start)s
order by lead.id
limit %(batch_size)s;

-- name: plan_enrollment
-- How many of these leads would get messages of a flow, and how many; the others by the reason for
-- which they get none.
with wanted as materialized (
  select typed.lead_id as id
  from unnest(%(ids)s::text[]) as given (id)
  cross join lateral jsonb_populate_record(
    null::public.message_logs, jsonb_build_object('lead_id', given.id)
  ) as typed
),
setting as materialized (
  select flowctl.step_settings(%(flow)s) as steps
),
stopped as (
  select distinct stop.lead_id
  from flowctl.stops as stop
  where stop.flow is null or stop.flow = %(flow)s::text
),
judged as (
  select
    lead.id,
    due.skipped,
    message.status as present,
    stopped.lead_id is not null as is_stopped
  from wanted
  inner join public.leads as lead on lead.id = wanted.id
  left join stopped on stopped.lead_id = lead.id
  cross join setting
  left join lateral flowctl.lead_schedule(
    case
      when %(from_now)s::boolean then to_jsonb(lead) || jsonb_build_object('created_at', now())
      else to_jsonb(lead)
    end,
    case when %(from_now)s::boolean then now() else lead.created_at::timestamptz end,
    now(),
    setting.steps
  ) as due on true
  left join public.message_logs as message
    on message.lead_id = lead.id and message.flow_step_id = due.flow_step_id
),
by_lead as (
  select
    judged.id,
    count(*) filter (
      where judged.skipped is null and judged.present is null and not judged.is_stopped
    ) as messages,
    case
      when bool_or(judged.is_stopped) then 'stopped'
      when bool_or(judged.present = 'cancelled') then 'cancelled before'
      when bool_or(judged.present is not null) then 'scheduled already'
      else coalesce(min(judged.skipped), 'the flow has no steps that are on')
    end as reason
  from judged
  group by judged.id
)
select
  case when by_lead.messages = 0 then by_lead.reason end as reason,
  count(*) as leads,
  sum(by_lead.messages)::bigint as messages
from by_lead
group by case when by_lead.messages = 0 then by_lead.reason end
order by reason nulls first;

-- name: enroll_leads
select flowctl.schedule_leads(
  array_agg(typed.lead_id), %(flow)s, case when %(from_now)s::boolean then now() end
)
from unnest(%(ids)s::text[]) as given (id)
cross join lateral jsonb_populate_record(
  null::public.message_logs, jsonb_build_object('lead_id', given.id)
) as typed;

-- name: forget_archive
delete from flowctl.message_archive as message where message.lead_id = %(lead_id)s;

-- name: forget_lead
delete from public.leads as lead where lead.id = %(lead_id)s;
