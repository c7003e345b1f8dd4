-- Names that the shell completes. A name that has to be quoted there is typed by hand.

-- name: flows_beginning
select flow.name
from public.flows as flow
where starts_with(flow.name, %(start)s::text)
order by flow.name
limit 100;

-- name: steps_beginning
-- Steps by their key; by flow and key where a flow is typed already.
with name as (
  select distinct
    case
      when strpos(%(start)s::text, '/') > 0 then step.flow || '/' || step.key else step.key
    end as shown
  from public.flow_steps as step
)
select name.shown
from name
where starts_with(name.shown, %(start)s::text)
order by name.shown
limit 100;
