drop function if exists flowctl.step_place(public.flow_steps);

-- The place that a step has, or would have, among those of its flow that are there: 1, 2, 3 ...
-- by the key of order_steps.
create or replace function flowctl.step_place(step_row record) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  placed constant public.flow_steps := step_row;
begin
  return (
    select 1 + count(*)::integer
    from public.flow_steps as step
    where step.flow = placed.flow and step.id <> placed.id
      and (
        step.day,
        step.time_type <> 'immediately',
        coalesce(
          case when step.time_type = 'specific' then flowctl.time_of_day(step.time) end, '24:00'
        ),
        step.position,
        step.created_at,
        step.id
      ) < (
        placed.day,
        placed.time_type <> 'immediately',
        coalesce(
          case when placed.time_type = 'specific' then flowctl.time_of_day(placed.time) end, '24:00'
        ),
        placed.position,
        placed.created_at,
        placed.id
      )
  );
end;
$$;
