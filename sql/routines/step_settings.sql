-- The steps that new leads enter, with their flows' settings, as an argument for lead_schedule.
create or replace function flowctl.step_settings(only_flow text default null)
returns flowctl.step_setting[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
-- In plpgsql, whose plans are kept: one in sql is planned anew for each lead that comes.
begin
  return (
    select array_agg(
      flowctl.zoned_step(step, parent, zoned.zone) order by step.flow, step.step_order
    )
    from (
      -- offset 0: once for each flow, not for each step
      select flow.name, flowctl.known_zone(flow.timezone) as zone
      from public.flows as flow
      where flow.enabled and (only_flow is null or flow.name = only_flow)
      offset 0
    ) as zoned
    inner join public.flows as parent on parent.name = zoned.name
    inner join public.flow_steps as step on step.flow = zoned.name
    where step.enabled
  );
end;
$$;
