drop function if exists flowctl.step_setting(public.flow_steps, public.flows);

-- As zoned_step, in the flow's zone as it is written there.
create or replace function flowctl.step_setting(step_row record, flow_row record)
returns flowctl.step_setting
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  step constant public.flow_steps := step_row;
  flow constant public.flows := flow_row;
begin
  return flowctl.zoned_step(step, flow, flowctl.known_zone(flow.timezone));
end;
$$;
