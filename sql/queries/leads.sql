-- Adding leads, enrolling those that exist, stopping one. The type of their id is the user's
-- choice: ids come as text and are read in the type of message_logs.lead_id.

-- name: leads_columns
-- The columns of the leads table; `is_computed` for those that nobody can write.
select
  attribute.attname::text as name,
  format_type(attribute.atttypid, attribute.atttypmod) as type,
  attribute.attgenerated <> '' or attribute.attidentity = 'a' as is_computed
from pg_catalog.pg_attribute as attribute
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

-- name: count_missing
-- How many of these leads lack messages of a flow, and how many messages that is.
with wanted as materialized (
  select typed.lead_id as id
  from unnest(%(ids)s::text[]) as given (id)
  cross join lateral jsonb_populate_record(
    null::public.message_logs, jsonb_build_object('lead_id', given.id)
  ) as typed
),
setting as materialized (
  select flowctl.step_settings(%(flow)s) as steps
)
select count(distinct lead.id) as leads, count(*) as messages
from wanted
inner join public.leads as lead on lead.id = wanted.id
cross join setting
cross join lateral flowctl.lead_schedule(
  to_jsonb(lead), lead.created_at::timestamptz, now(), setting.steps
) as due
where due.skipped is null
  and not exists (
    select from public.message_logs as message
    where message.lead_id = lead.id and message.flow_step_id = due.flow_step_id
  );

-- name: enroll_leads
select flowctl.schedule_leads(array_agg(typed.lead_id), %(flow)s)
from unnest(%(ids)s::text[]) as given (id)
cross join lateral jsonb_populate_record(
  null::public.message_logs, jsonb_build_object('lead_id', given.id)
) as typed;

-- name: pending_of_lead
select message.id
from public.message_logs as message
where message.lead_id = %(lead_id)s and message.status = 'pending';
