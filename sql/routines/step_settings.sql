-- The steps that new leads enter, with their flows' settings, as an argument for lead_schedule.
create or replace function flowctl.step_settings(only_flow text default null)
returns flowctl.step_setting[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
-- In plpgsql, whose plans are kept: one in sql is planned anew for each lead that comes.
begin
  return (
    select array_agg(flowctl.step_setting(step, parent) order by step.flow, step.step_order)
    from public.flow_steps as step
    inner join public.flows as parent on parent.name = step.flow
    where step.enabled and parent.enabled and (only_flow is null or step.flow = only_flow)
  );
end;
$$;
