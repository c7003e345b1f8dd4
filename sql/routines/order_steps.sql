-- Keeps step_order: 1, 2, 3 ... within a flow, by day, immediate ones first, then time of day, then the
-- order they were made in.
create or replace function flowctl.order_steps() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set flowctl.ordering = 'on'
as $$
begin
  with counted as (
    select step.id, row_number() over (
      partition by step.flow
      order by
        step.day,
        step.time_type <> 'immediately',
        case when step.time_type = 'specific' then flowctl.time_of_day(step.time) end,
        step.position,
        step.created_at,
        step.id
    ) as step_order
    from public.flow_steps as step
  )
  update public.flow_steps as step
  set step_order = counted.step_order
  from counted
  where counted.id = step.id and counted.step_order <> step.step_order;
  return null;
end;
$$;

drop trigger if exists order_steps on public.flow_steps;

-- not for its own update
create trigger order_steps after insert or update or delete on public.flow_steps
for each statement when (current_setting('flowctl.ordering', true) is distinct from 'on')
execute function flowctl.order_steps();

-- steps that were adopted: in their stored form, and counted
update public.flow_steps set step_order = 0 where step_order = 0;
