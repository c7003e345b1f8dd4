-- Importing leads. The statement that inserts them is composed: the columns are the user's.

-- name: import_zones
-- The zones that these names mean; null for one that nobody can read.
select given.written, flowctl.zone_of(given.written) as zone
from unnest(%(written)s::text[]) as given (written);

-- name: import_fallback_zone
-- The zone of leads without one of their own: that of the flows they may enter, if these have one,
-- else that of the flow `default`.
select coalesce(
  (
    select min(flow.timezone)
    from public.flows as flow
    where flow.enabled and exists (
      select from public.flow_steps as step where step.flow = flow.name and step.enabled
    )
    having count(distinct flow.timezone) = 1
  ),
  (select flow.timezone from public.flows as flow where flow.name = 'default'),
  'UTC'
);

-- name: import_batches
-- How many batches were imported so far, by whatever import.
select own.batches from flowctl.lead_imports as own;

-- name: import_add_batch
-- Begins a batch: another import waits here until this one's transaction ends.
update flowctl.lead_imports as own set batches = own.batches + 1 returning own.batches;

-- name: import_opt_outs
-- Returns how many of the addresses were not suppressed before.
with added as (
  insert into public.suppressions (channel, address, reason, source)
  select given.channel, given.address, %(reason)s, 'import'
  from unnest(%(channels)s::text[], %(addresses)s::text[]) as given (channel, address)
  on conflict (channel, address) do nothing
  returning 1
)
select count(*) from added;

-- name: import_scheduled
-- What these leads will be sent, by day of a zone and channel. Offsets of zones are quarters of an
-- hour, so that what falls into one is of one day.
with quarter as (
  select
    message.message_type as channel,
    floor(extract(epoch from message.scheduled_for) / 900) as number,
    count(*) as messages
  from public.message_logs as message
  where message.lead_id = any(%(ids)s) and message.status = 'pending'
  group by message.message_type, floor(extract(epoch from message.scheduled_for) / 900)
)
select
  quarter.channel,
  flowctl.local_time(to_timestamp(quarter.number * 900), %(zone)s)::date as day,
  sum(quarter.messages) as messages
from quarter
group by
  quarter.channel, flowctl.local_time(to_timestamp(quarter.number * 900), %(zone)s)::date;

-- name: import_examples
-- These leads as they are in the table.
select to_jsonb(lead) as row
from public.leads as lead
where lead.id = any(%(ids)s);
