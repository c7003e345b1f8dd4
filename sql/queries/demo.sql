-- The sample leads of `flowctl demo`, known by their source. All of this runs on the embedded
-- database only, on a direct connection.

-- name: lock_demo
-- One demo at a time, until its connection ends: another one would take its leads away.
select pg_advisory_lock(hashtext('flowctl.demo'));

-- name: lock_leads
-- Until the transaction ends nobody else adds a lead, whose messages a pretended future would send.
lock table public.leads in share row exclusive mode;

-- name: count_other_leads
select count(*)
from public.leads as lead
where to_jsonb(lead) ->> 'source' is distinct from 'demo';

-- name: remove_sample_leads
-- With all that is theirs; a demo that was killed may have left a send behind.
with removed as (
  delete from public.leads as lead where lead.source = 'demo' returning lead.id
)
delete from flowctl.sends as send using removed where send.lead_id = removed.id;

-- name: remove_sample_digests
-- That these addresses were written to: the demo's own leads are all there are.
delete from flowctl.sent_addresses;

-- name: insert_sample_leads
-- Created on the Monday after this week at 3:00 PM of their own zones, which lies in the future
-- everywhere on Earth.
insert into public.leads (first_name, email, phone, timezone, source, status, created_at)
select
  given.first_name, given.email, given.phone, given.timezone, 'demo', 'new',
  flowctl.instant_of(
    date_trunc('week', now() at time zone 'UTC') + interval '7 days 15 hours', given.timezone
  )
from json_to_recordset(%(leads)s::json) as given (
  first_name text, email text, phone text, timezone text
)
returning id::text, first_name, timezone, flowctl.local_time(created_at, timezone) as created_local;

-- name: sample_messages
-- What the sample leads have coming, up to the last message of the given flows.
with message as (
  select
    log.id, log.due_at, lead.first_name, lead.timezone, step.flow,
    flowctl.local_time(log.due_at, lead.timezone) as due_local
  from public.message_logs as log
  inner join public.leads as lead on lead.id = log.lead_id
  inner join public.flow_steps as step on step.id = log.flow_step_id
  where lead.source = 'demo' and log.status = 'pending'
)
select message.id, message.first_name, message.timezone, message.due_at, message.due_local
from message
where message.due_at <= (
  select max(last.due_at) from message as last where last.flow = any(%(flows)s::text[])
)
order by message.due_at, message.id;
