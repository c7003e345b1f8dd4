-- What the doctor looks at. Every query only reads; most give rows only where something is wrong.

-- name: limit_check
-- For one transaction: nothing is written, and no check takes long.
select
  set_config('transaction_read_only', 'on', true),
  set_config('statement_timeout', (1000 * %(seconds)s::integer)::text, true);

-- name: server_state
select
  current_user::text as role,
  current_database()::text as name,
  current_setting('server_version_num')::integer as version_number,
  split_part(current_setting('server_version'), ' ', 1) as version,
  pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' as is_read_only;

-- name: lacks_schema
-- Whether the schema was never applied; reading the catalog needs no right on it.
select count(*) = 0
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
where space.nspname = 'flowctl' and class.relname = 'migrations';

-- name: own_triggers
-- Triggers on the product's tables, and whether one that is not ours schedules messages too.
select
  trigger.tgname::text as name,
  'public.' || class.relname as table_name,
  space.nspname || '.' || function.proname as function,
  trigger.tgenabled in ('O', 'A') as is_enabled,
  function.prosrc ~* 'insert\s+into\s+(public\.)?message_logs|schedule_messages_for_lead'
    as schedules
from pg_catalog.pg_trigger as trigger
inner join pg_catalog.pg_class as class on class.oid = trigger.tgrelid
inner join pg_catalog.pg_proc as function on function.oid = trigger.tgfoid
inner join pg_catalog.pg_namespace as space on space.oid = function.pronamespace
where not trigger.tgisinternal
  and class.relnamespace = 'public'::regnamespace
  and class.relname in ('leads', 'flows', 'flow_steps', 'message_logs', 'suppressions')
order by class.relname, trigger.tgname;

-- name: own_functions
select
  function.prosrc as body,
  space.nspname || '.' || function.proname as name
from pg_catalog.pg_proc as function
inner join pg_catalog.pg_namespace as space on space.oid = function.pronamespace
where space.nspname = 'flowctl'
  or (
    space.nspname = 'public'
    and function.proname in (
      'auto_schedule_messages', 'enroll_lead', 'message_schedule', 'schedule_messages_for_lead',
      'unsubscribe'
    )
  )
order by function.oid;

-- name: lead_visibility
-- Whether this role can read leads: the right to, and what row-level security leaves of them.
select
  current_user::text as role,
  has_table_privilege('public.leads', 'select') as may_read,
  -- by the catalog: naming the function wants a right on its schema
  coalesce((
    select has_function_privilege(function.oid, 'execute')
    from pg_catalog.pg_proc as function
    where function.pronamespace = to_regnamespace('flowctl')
      and function.proname = 'is_lead_deleted'
  ), false) as may_ask,
  row_security_active('public.leads') and not exists (
    select from pg_catalog.pg_policies as policy
    where policy.schemaname = 'public'
      and policy.tablename = 'leads'
      and policy.permissive = 'PERMISSIVE'
      and policy.cmd in ('ALL', 'SELECT')
      and exists (
        select from unnest(policy.roles) as member (role)
        -- a case is evaluated in its order; no role is named public
        where case member.role when 'public' then true else pg_has_role(member.role, 'member') end
      )
  ) as is_hidden;

-- name: hidden_lead_messages
-- Pending messages whose lead this role does not see.
select count(*) as number
from public.message_logs as message
where message.status = 'pending'
  and not exists (select from public.leads as lead where lead.id = message.lead_id);

-- name: lost_lead_messages
-- Those of them whose lead is not there at all.
select count(*) as number
from public.message_logs as message
where message.status = 'pending'
  and not exists (select from public.leads as lead where lead.id = message.lead_id)
  and flowctl.is_lead_deleted(message.id);

-- name: empty_flows
-- Flows without steps. `default` always exists, and may be empty where another flow is not.
select flow.name as what
from public.flows as flow
where not exists (select from public.flow_steps as step where step.flow = flow.name)
  and (flow.name <> 'default' or not exists (select from public.flow_steps))
order by flow.name;

-- name: pending_by_step
-- How many pending messages each step has.
select message.flow_step_id as id, count(*) as number
from public.message_logs as message
where message.status = 'pending' and message.flow_step_id is not null
group by message.flow_step_id;

-- name: unschedulable_steps
-- Enabled steps that the database would refuse today: written past its checks.
select
  format('%%s/%%s', step.flow, coalesce(step.key, '#' || step.step_order)) as what,
  case
    when step.type not in ('email', 'text') then format('unknown type "%%s"', step.type)
    when step.day not between 0 and 3650 then format('day %%s', step.day)
    when step.time_type = 'specific' and flowctl.time_of_day(step.time) is null
      then 'no readable time'
    when coalesce(btrim(step.content, e' \t\r\n'), '') = '' then 'no content'
    when step.type = 'email' and coalesce(btrim(step.subject, e' \t\r\n'), '') = ''
      then 'no subject'
  end as reason
from public.flow_steps as step
where step.enabled
  and (
    step.type not in ('email', 'text')
    or step.day not between 0 and 3650
    or (step.time_type = 'specific' and flowctl.time_of_day(step.time) is null)
    or coalesce(btrim(step.content, e' \t\r\n'), '') = ''
    or (step.type = 'email' and coalesce(btrim(step.subject, e' \t\r\n'), '') = '')
  )
order by step.flow, step.step_order;

-- name: unknown_zones
-- Flows whose zone the database has no rules of: their leads count by UTC.
select flow.name as what, flow.timezone as reason
from public.flows as flow
where flowctl.known_zone(flow.timezone) is null
order by flow.name;

-- name: closed_windows
-- Flows whose send window does not open in the next two weeks.
select flow.name as what
from public.flows as flow
where flow.send_window is not null
  and flowctl.window_edge(
    now(),
    coalesce(flowctl.known_zone(flow.timezone), 'UTC'),
    coalesce(flowctl.time_of_day(flow.send_window ->> 'start'), '00:00'::time),
    flowctl.time_of_day(flow.send_window ->> 'end'),
    flowctl.weekdays(flow.send_window -> 'days'),
    true
  ) is null
order by flow.name;

-- name: pair_indexes
-- How many indexes keep a lead from having two messages of one step.
select count(*) as number
from pg_catalog.pg_index as pair
where pair.indrelid = 'public.message_logs'::regclass
  and pair.indisunique and pair.indisvalid and pair.indimmediate
  and pair.indpred is null and pair.indexprs is null and pair.indnkeyatts = 2
  and (
    select count(*) from pg_catalog.pg_attribute as attribute
    where attribute.attrelid = pair.indrelid
      and attribute.attnum = any(pair.indkey)
      and attribute.attname in ('lead_id', 'flow_step_id')
  ) = 2;

-- name: pairs_twice
-- Leads and steps with more than one message.
with pair as (
  select message.lead_id, message.flow_step_id
  from public.message_logs as message
  where message.flow_step_id is not null
  group by message.lead_id, message.flow_step_id
  having count(*) > 1
)
select count(*) as number from pair;

-- name: pending_suppressed
-- Pending messages to addresses that must not be written to, as far as SQL can read them: a
-- national number counts as one of the country with the given calling code.
with written as (
  select
    message.message_type as channel,
    flowctl.comparable_address(
      message.message_type,
      to_jsonb(lead) ->> case message.message_type when 'email' then 'email' else 'phone' end
    ) as address
  from public.message_logs as message
  inner join public.leads as lead on lead.id = message.lead_id
  where message.status = 'pending'
    -- a look at nothing where nothing is suppressed
    and exists (select from public.suppressions)
)
select count(*) as number
from written
inner join public.suppressions as suppression
  on suppression.channel = written.channel
  and suppression.address = case
    when written.channel = 'text' and written.address not like '+%%'
      then flowctl.comparable_phone(
        '+' || %(calling_code)s::text || ltrim(written.address, '0')
      )
    else written.address
  end;

-- name: stale_claims
-- Claims that ended long ago, and that no dispatcher has taken since.
select
  count(*) as number,
  floor(extract(epoch from now() - min(message.lease_until)))::bigint as seconds
from public.message_logs as message
where message.status = 'pending'
  and message.lease_until < now() - %(overdue)s::interval
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  );

-- name: doubtful_sends
-- Sends that were begun, whose lease has ended, and whose outcome nobody has recorded.
select
  count(*) as number,
  floor(extract(epoch from now() - min(send.lease_until)))::bigint as seconds
from flowctl.sends as send
where send.lease_until < now();

-- name: unknown_outcomes
-- Messages that may have gone out, and wait for a person.
select count(*) as number
from public.message_logs as message
where message.status = 'failed' and message.is_unknown;

-- name: last_deliveries
-- What became of the last texts of which the end is known.
select
  last.delivery_code as code,
  flowctl.is_undelivered(last.delivery_status) as is_undelivered
from (
  select message.delivery_code, message.delivery_status
  from public.message_logs as message
  where message.status = 'sent'
    and message.message_type = 'text'
    and message.sent_at > now() - interval '7 days'
    and (
      message.delivery_status in ('delivered', 'read')
      or flowctl.is_undelivered(message.delivery_status)
    )
  order by message.sent_at desc
  limit %(batch_size)s::integer
) as last;

-- name: returned_emails
-- Of the last emails of a week, how many came back, and how many were complained of.
select
  count(*) as emails,
  count(*) filter (where last.delivery_status = 'bounced') as bounced,
  count(*) filter (where last.delivery_status = 'refused') as refused,
  count(*) filter (where last.delivery_status = 'complained') as complained
from (
  select message.delivery_status
  from public.message_logs as message
  where message.status = 'sent'
    and message.message_type = 'email'
    and message.sent_at > now() - interval '7 days'
  order by message.sent_at desc
  limit %(batch_size)s::integer
) as last;

-- name: unproven_sends
-- Sent messages that do not say when, or, of those sent lately by flowctl, to whom.
select count(*) as number
from public.message_logs as message
where message.status = 'sent'
  and (
    message.sent_at is null
    or (
      message.sent_at > now() - interval '30 days'
      and message.attempts > 0
      and message.recipient is null
    )
  );

-- name: unscheduled_leads
-- Leads of the last days that have no message at all, although a step that was there before them
-- wanted them: in time for it still, or no more. The audience and the zone are those of today.
with setting as materialized (
  select flowctl.step_settings() as steps
),
missed as materialized (
  select lead.id, lead.created_at::timestamptz as created_at, to_jsonb(lead) as record
  from public.leads as lead
  where lead.created_at::timestamptz between now() - %(span)s::interval and now()
    and not exists (select from public.message_logs as message where message.lead_id = lead.id)
  limit %(batch_size)s::integer
),
wanted as (
  select
    missed.id,
    bool_or(today.skipped is null) as is_in_time,
    min(then_due.flow) filter (where today.skipped is null) as flow
  from missed
  cross join setting
  cross join lateral flowctl.lead_schedule(
    missed.record, missed.created_at, missed.created_at, setting.steps
  ) as then_due
  inner join lateral flowctl.lead_schedule(
    missed.record, missed.created_at, now(), setting.steps
  ) as today on today.flow_step_id = then_due.flow_step_id
  inner join public.flow_steps as step on step.id = then_due.flow_step_id
  where then_due.skipped is null
    and greatest(step.created_at, step.updated_at) <= missed.created_at
  group by missed.id
)
select
  count(*) filter (where wanted.is_in_time) as in_time,
  count(*) filter (where not wanted.is_in_time) as too_late,
  min(wanted.id::text) filter (where wanted.is_in_time) as lead_id,
  min(wanted.flow) as flow
from wanted;

-- name: channel_demand
-- What waits for each channel: messages that are due, messages in all, enabled steps.
with due as (
  select free.message_type as channel, count(*) as messages
  from flowctl.free_messages as free
  where free.due_at <= now()
  group by free.message_type
),
pending as (
  select message.message_type as channel, count(*) as messages
  from public.message_logs as message
  where message.status = 'pending'
  group by message.message_type
),
listed as (
  select step.type as channel, count(*) as steps
  from public.flow_steps as step
  inner join public.flows as flow on flow.name = step.flow
  where step.enabled and flow.enabled
  group by step.type
)
select
  wanted.channel,
  coalesce(due.messages, 0) as due,
  coalesce(pending.messages, 0) as pending,
  coalesce(listed.steps, 0) as steps
from (values ('email'), ('text')) as wanted (channel)
left join due on due.channel = wanted.channel
left join pending on pending.channel = wanted.channel
left join listed on listed.channel = wanted.channel
order by wanted.channel;

-- name: national_phones
-- Pending texts, up to a thousand, whose lead's number is written without a country.
with national as (
  select message.id
  from public.message_logs as message
  inner join public.leads as lead on lead.id = message.lead_id
  where message.status = 'pending'
    and message.message_type = 'text'
    and btrim(to_jsonb(lead) ->> 'phone') ~ '^[(0-9]'
  limit 1000
)
select count(*) as number from national;

-- name: oldest_horizon
-- Who keeps vacuum from cleaning up: the transaction that has been open longest.
select holder.what, holder.cure, floor(holder.seconds)::bigint as seconds
from (
  select
    format('process %%s of %%s', activity.pid, coalesce(activity.usename::text, '?')) as what,
    format('select pg_terminate_backend(%%s);', activity.pid) as cure,
    extract(epoch from now() - activity.xact_start) as seconds
  from pg_catalog.pg_stat_activity as activity
  where activity.datname = current_database()
    and activity.pid <> pg_backend_pid()
    and (activity.backend_xmin is not null or activity.backend_xid is not null)
    and activity.xact_start is not null
  union all
  select
    format('prepared transaction %%L', prepared.gid),
    format('rollback prepared %%L;', prepared.gid),
    extract(epoch from now() - prepared.prepared)
  from pg_catalog.pg_prepared_xacts as prepared
  where prepared.database = current_database()
) as holder
order by holder.seconds desc
limit 1;

-- name: table_health
-- How message_logs is kept: dead rows, its vacuum, the index of what is due.
select
  stats.n_live_tup as live,
  stats.n_dead_tup as dead,
  greatest(stats.last_autovacuum, stats.last_vacuum) as vacuumed_at,
  index.oid is not null as has_due_index,
  coalesce(pg_relation_size(index.oid), 0) as index_bytes,
  greatest(index.reltuples, 0)::bigint as index_rows
from pg_catalog.pg_stat_user_tables as stats
left join pg_catalog.pg_class as index on index.oid = to_regclass('public.message_logs_due')
where stats.relid = 'public.message_logs'::regclass;
