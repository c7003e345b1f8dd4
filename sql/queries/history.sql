-- The life of one message.

-- name: select_history
-- What was written down about it, the oldest first.
select history.at, history.event, history.detail, history.was, history.becomes
from flowctl.message_history as history
where history.message_id = %(id)s::uuid
order by history.at, history.id;

-- name: select_plan
-- How its time was counted.
select message.planned_for, message.counted_from
from public.message_logs as message
where message.id = %(id)s::uuid;

-- name: suppressed_by
-- The suppressions that came from it.
select suppression.created_at as at, suppression.source, suppression.reason
from public.suppressions as suppression
where suppression.message_id = %(id)s::uuid
order by suppression.created_at;
