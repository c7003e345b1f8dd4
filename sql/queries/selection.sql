-- The flow and the time that a command means.

-- name: flow_zone
select flow.timezone from public.flows as flow where flow.name = %(flow)s;

-- name: database_now
select now();
