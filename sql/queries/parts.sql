-- The parts of distributed tables, and statements that are run in one: by a query that goes to one
-- node, where the function does the rest. The key is the id of a lead in that part.

-- name: parts
select
  own.key,
  own.names,
  row_number() over ()::integer - 1 as number,
  count(*) over ()::integer as count
from flowctl.parts() as own;

-- name: claim_in_part
select
  own.id, own.lead_id, own.subject, own.content, own.format, own.attempts, own.due_at, own.lead,
  own.zone, own.claimed_at, own.flow, own.key, own.step_order, own.is_guarded, own.has_earlier,
  own.is_pulled, own.cancelled, own.deferred_to, own.valid_for, own.late_by, own.is_unseen
from (select count(*) from public.leads as lead where lead.id = %(key)s) as part
cross join flowctl.in_part(%(text)s) as own (
  id uuid, lead_id text, subject text, content text, format text, attempts integer,
  due_at timestamptz, lead jsonb, zone text, claimed_at timestamptz, flow text, key text,
  step_order integer, is_guarded boolean, has_earlier boolean, is_pulled boolean, cancelled text,
  deferred_to timestamptz, valid_for interval, late_by interval, is_unseen boolean
);

-- name: begin_in_part
select own.id, own.cancelled, own.deferred_to, own.is_busy, own.is_limited
from (select count(*) from public.leads as lead where lead.id = %(key)s) as part
cross join flowctl.in_part(%(text)s) as own (
  id uuid, cancelled text, deferred_to timestamptz, is_busy boolean, is_limited boolean
);

-- name: record_in_part
select own.id
from (select count(*) from public.leads as lead where lead.id = %(key)s) as part
cross join flowctl.in_part(%(text)s) as own (id uuid);

-- name: is_due_in_part
select own.is_due
from (select count(*) from public.leads as lead where lead.id = %(key)s) as part
cross join flowctl.in_part(%(text)s) as own (is_due boolean);

-- name: due_in_part
select own.channel, own.messages, own.oldest_seconds
from (select count(*) from public.leads as lead where lead.id = %(key)s) as part
cross join flowctl.in_part(%(text)s) as own (channel text, messages bigint, oldest_seconds bigint);

-- name: paused_in_part
select own.messages
from (select count(*) from public.leads as lead where lead.id = %(key)s) as part
cross join flowctl.in_part(%(text)s) as own (messages bigint);
