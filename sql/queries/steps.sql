-- Flows and steps: what the tables hold, and what a sync writes.

-- name: lock_sync
-- One sync or export at a time, until the transaction ends.
select pg_advisory_xact_lock(hashtext('flowctl.steps'));

-- name: select_flows
select
  flow.name, flow.enabled, flow.timezone, flow.audience, flow.exit_when, flow.send_window,
  flow.expire_after, flow.min_gap, flow.dedupe_address, flow.exit_on_reply, flow.sender
from public.flows as flow
order by flow.name;

-- name: select_steps
select
  step.id, step.step_order, step.flow, step.key, step.type, step.subject, step.content,
  step.format, step.day, step.time, step.time_type, step.enabled
from public.flow_steps as step
order by step.flow, step.step_order;

-- name: put_flow
insert into public.flows as flow (
  name, enabled, timezone, audience, exit_when, send_window, expire_after, min_gap, dedupe_address,
  exit_on_reply, sender
)
values (
  %(name)s, %(enabled)s, %(timezone)s, %(audience)s, %(exit_when)s, %(send_window)s,
  %(expire_after)s, %(min_gap)s, %(dedupe_address)s, %(exit_on_reply)s, %(sender)s
)
on conflict (name) do update set
  enabled = excluded.enabled,
  timezone = excluded.timezone,
  audience = excluded.audience,
  exit_when = excluded.exit_when,
  send_window = excluded.send_window,
  expire_after = excluded.expire_after,
  min_gap = excluded.min_gap,
  dedupe_address = excluded.dedupe_address,
  exit_on_reply = excluded.exit_on_reply,
  sender = excluded.sender;

-- name: put_steps
insert into public.flow_steps as step
  (flow, key, type, subject, content, format, day, time, time_type, enabled, position)
select
  given.flow, given.key, given.type, given.subject, given.content, given.format,
  given.day, given.time, given.time_type, given.enabled, given.position
from json_to_recordset(%(steps)s::json) as given (
  flow text, key text, type text, subject text, content text, format text,
  day integer, time text, time_type text, enabled boolean, position integer
)
order by given.flow, given.position
on conflict (flow, key) do update set
  type = excluded.type,
  subject = excluded.subject,
  content = excluded.content,
  format = excluded.format,
  day = excluded.day,
  time = excluded.time,
  time_type = excluded.time_type,
  enabled = excluded.enabled,
  position = excluded.position;

-- name: place_steps
-- The order of the file decides between steps of the same time.
update public.flow_steps as step
set position = given.position
from json_to_recordset(%(places)s::json) as given (flow text, key text, position integer)
where step.flow = given.flow and step.key = given.key and step.position <> given.position;

-- name: disable_steps
update public.flow_steps as step
set enabled = false
where step.id = any(%(ids)s::uuid[]);

-- name: name_steps
update public.flow_steps as step
set key = given.key
from json_to_recordset(%(keys)s::json) as given (id uuid, key text)
where step.id = given.id;

-- name: count_pending
select count(*)
from public.message_logs as message
where message.flow_step_id = any(%(ids)s::uuid[]) and message.status = 'pending';

-- name: update_pending
-- Pending messages follow their step: what they say, and where `is_moved`, when. What is claimed or
-- has begun to be sent stays as it is. The audience is not asked again: it decides who enters.
with free as materialized (
  select message.id
  from public.message_logs as message
  where message.flow_step_id in (
      select given.id from json_to_recordset(%(steps)s::json) as given (id uuid)
    )
    and message.status = 'pending'
    and (message.lease_until is null or message.lease_until < now())
    and not exists (select from flowctl.sends as send where send.message_id = message.id)
  for update of message skip locked
),
following as (
  select
    message.id,
    step.type,
    step.subject,
    step.format,
    coalesce(step.content, message.content) as content,
    coalesce(due.scheduled_for, message.scheduled_for) as scheduled_for,
    coalesce(due.scheduled_for, message.planned_for) as planned_for,
    case when not step.enabled then 'step is off' else due.skipped end as cancelled
  from free
  inner join public.message_logs as message on message.id = free.id
  inner join public.leads as lead on lead.id = message.lead_id
  inner join public.flow_steps as step on step.id = message.flow_step_id
  inner join public.flows as parent on parent.name = step.flow
  inner join json_to_recordset(%(steps)s::json) as given (id uuid, is_moved boolean)
    on given.id = step.id
  left join lateral flowctl.lead_schedule(
    to_jsonb(lead),
    lead.created_at::timestamptz,
    now(),
    case when given.is_moved and step.enabled and parent.enabled then array[
      flowctl.step_setting(step, jsonb_populate_record(parent, '{"audience": null}'))
    ] end
  ) as due on true
),
written as (
  update public.message_logs as message
  set
    status = case when following.cancelled is null then 'pending' else 'cancelled' end,
    cause = case when following.cancelled is not null then 'off' end,
    error_message = coalesce(following.cancelled, message.error_message),
    message_type = following.type,
    subject = following.subject,
    content = following.content,
    format = following.format,
    scheduled_for = following.scheduled_for,
    planned_for = following.planned_for,
    claimed_by = null,
    lease_until = null
  from following
  where message.id = following.id
  returning message.status
)
select
  count(*) as updated,
  count(*) filter (where written.status = 'cancelled') as cancelled
from written;

-- name: lead_columns
-- The columns of leads, and what each is in the lead's row as JSON.
select
  a.attname::text as name,
  a.attnotnull as is_required,
  case
    when base.typname in ('int2', 'int4', 'int8', 'float4', 'float8', 'numeric') then 'number'
    when base.typname = 'bool' then 'boolean'
    when base.typcategory = 'A' then 'list'
    when base.typtype = 'c' then 'object'
    -- a type of an extension may have a cast of its own to JSON, as hstore has
    when base.typname in ('json', 'jsonb') or base.typcategory = 'U' and base.oid > 16383 then 'any'
    else 'text'
  end as kind,
  array(
    select label.enumlabel::text from pg_catalog.pg_enum as label
    where label.enumtypid = base.oid order by label.enumsortorder
  ) as labels
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_type as t on t.oid = a.atttypid
inner join pg_catalog.pg_type as base on base.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
where a.attrelid = 'public.leads'::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum;

-- name: active_flows
-- Flows that are on and have a step that is.
select distinct flow.name, count(*) over (partition by flow.name) as steps
from public.flows as flow
inner join public.flow_steps as step on step.flow = flow.name and step.enabled
where flow.enabled
order by flow.name;
