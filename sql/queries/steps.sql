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
  step.format, step.day, step.time, step.time_type, step.enabled, step.updated_at
from public.flow_steps as step
order by step.flow, step.step_order;

-- name: copy_flow
-- A flow under another name. The flow default is there already; its settings are the file's to say,
-- save for the pause.
insert into public.flows as flow
select (jsonb_populate_record(old, jsonb_build_object('name', %(new)s::text))).*
from public.flows as old
where old.name = %(old)s
on conflict (name) do update set paused_at = excluded.paused_at;

-- name: move_steps
update public.flow_steps as step
set flow = %(new)s
where step.flow = %(old)s;

-- name: drop_stops
-- Those of leads that are stopped in the other flow already.
delete from flowctl.stops as stop
where stop.flow = %(old)s
  and exists (
    select from flowctl.stops as other
    where other.lead_id = stop.lead_id and other.flow = %(new)s
  );

-- name: move_stops
update flowctl.stops as stop
set flow = %(new)s
where stop.flow = %(old)s;

-- name: delete_flow
delete from public.flows as flow
where flow.name = %(old)s;

-- name: renew_default
-- The flow default always exists: it is left as a new one.
update public.flows as flow
set
  enabled = true, timezone = 'UTC', audience = null, exit_when = null, send_window = null,
  expire_after = null, min_gap = null, dedupe_address = false, exit_on_reply = false, sender = null,
  paused_at = null
where flow.name = 'default';

-- name: rename_steps
update public.flow_steps as step
set key = given.new_key
from json_to_recordset(%(keys)s::json) as given (flow text, old_key text, new_key text)
where step.flow = given.flow and step.key = given.old_key;

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

-- name: order_steps
-- The order of the file decides between steps of the same time.
update public.flow_steps as step
set position = given.position
from json_to_recordset(%(positions)s::json) as given (flow text, key text, position integer)
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

-- name: select_drift
-- Steps of these flows with pending messages that differ from them, in text or time, whenever the
-- step was changed (kept), or that will be cancelled since the step or its flow is off; the row
-- without an id has all of them. A lead has one message of a step at most.
with pending as materialized (
  select message.id, message.flow_step_id
  from public.flow_steps as step
  inner join public.message_logs as message on message.flow_step_id = step.id
  where step.flow = any(%(flows)s::text[]) and step.key is not null and message.status = 'pending'
),
plan as materialized (
  -- On several nodes a table that only the coordinator has keeps this there: a node would mix up
  -- the results that it keeps for this statement and for those of the function.
  select own.*
  from flowctl.replanned(array(select taken.id from pending as taken)) as own
  where exists (select from flowctl.routines)
),
judged as (
  select
    step.id as step_id,
    message.lead_id,
    step.enabled and parent.enabled as is_on,
    (
      (message.message_type, message.subject, message.content, message.format)
      is distinct from (step.type, step.subject, step.content, step.format)
    ) as has_old_text,
    coalesce(plan.is_moved, least(message.planned_for, message.scheduled_for) > now())
    as has_old_time
  from pending
  inner join public.message_logs as message on message.id = pending.id
  inner join public.flow_steps as step on step.id = pending.flow_step_id
  inner join public.flows as parent on parent.name = step.flow
  left join plan on plan.message_id = pending.id
)
select
  judged.step_id,
  count(*) filter (where judged.is_on) as kept,
  count(distinct judged.lead_id) filter (where judged.is_on) as kept_leads,
  count(*) filter (where not judged.is_on) as cancelling,
  count(distinct judged.lead_id) filter (where not judged.is_on) as cancelling_leads,
  coalesce(bool_or(judged.has_old_text), false) as has_old_text,
  coalesce(bool_or(judged.has_old_time), false) as has_old_time
from judged
where not judged.is_on or judged.has_old_text or judged.has_old_time
group by grouping sets ((judged.step_id), ());

-- name: update_pending
-- Pending messages of these steps follow them, in text and time. What is claimed or has begun to be
-- sent stays as it is, and so does what dispatch has moved: it becomes due no earlier. One whose
-- step has moved behind its lead is cancelled, unless it was late before. A row for each step, and
-- one without an id for all.
with free as materialized (
  select message.id
  from public.message_logs as message
  where message.flow_step_id = any(%(ids)s::uuid[])
    and message.status = 'pending'
    and (message.lease_until is null or message.lease_until < now())
    and not exists (
      select from flowctl.sends as send
      where send.lead_id = message.lead_id and send.message_id = message.id
    )
  for update of message skip locked /* on one machine */
),
plan as materialized (
  -- as in select_drift
  select own.*
  from flowctl.replanned(array(select taken.id from free as taken)) as own
  where exists (select from flowctl.routines)
),
compared as materialized (
  select
    message.id,
    message.lead_id,
    step.type,
    step.subject,
    step.format,
    plan.planned_for,
    coalesce(plan.is_moved, false) as is_moved,
    coalesce(step.content, message.content) as content,
    (
      (message.message_type, message.subject, message.content, message.format)
      is distinct from (step.type, step.subject, step.content, step.format)
    ) as is_rewritten,
    case
      when not step.enabled then 'step is off'
      when parent.enabled and plan.message_id is null
        and least(message.planned_for, message.scheduled_for) > now()
        then 'its date has passed for this lead'
    end as cancelled
  from free
  inner join public.message_logs as message on message.id = free.id
  inner join public.flow_steps as step on step.id = message.flow_step_id
  inner join public.flows as parent on parent.name = step.flow
  left join plan on plan.message_id = free.id
),
following as (
  select compared.*
  from compared
  where compared.is_moved or compared.is_rewritten or compared.cancelled is not null
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
    planned_for = case
      when following.is_moved then following.planned_for else message.planned_for
    end,
    scheduled_for = case
      when not following.is_moved then message.scheduled_for
      when message.scheduled_for = message.planned_for then following.planned_for
      else greatest(following.planned_for, message.scheduled_for)
    end,
    claimed_by = null,
    lease_until = null
  from following
  where message.lead_id = following.lead_id
    and message.id = following.id
    -- still as it was seen
    and message.status = 'pending'
    and (message.lease_until is null or message.lease_until < now())
  returning message.flow_step_id, message.lead_id, message.status
)
select
  written.flow_step_id as step_id,
  count(*) as updated,
  count(distinct written.lead_id) as leads,
  count(*) filter (where written.status = 'cancelled') as cancelled
from written
group by grouping sets ((written.flow_step_id), ());

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
  case
    when base.typname in ('int2', 'int4', 'int8') then 'integer'
    when base.typname in ('uuid', 'date') then base.typname::text
    when base.typname in ('timestamp', 'timestamptz') then 'timestamp'
  end as form,
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

-- name: add_changes
-- What a sync did, all of it at one moment; what is older than a year is forgotten.
with forgotten as (
  delete from flowctl.step_changes as old
  where old.synced_at < now() - interval '1 year'
)
insert into flowctl.step_changes (change, flow, key, fields)
select given.change, given.flow, given.key, given.fields
from json_to_recordset(%(changes)s::json) as given (
  change text, flow text, key text, fields text[]
)
order by given.flow, given.key nulls first;

-- name: list_changes
-- The newest sync first, its changes as they were entered.
select
  made.synced_at, made.synced_by, made.change, made.flow, made.key, made.fields
from flowctl.step_changes as made
where made.synced_at >= coalesce(%(since)s::timestamptz, '-infinity')
  and coalesce(made.flow = %(flow)s::text, true)
order by made.synced_at desc, made.id asc;
