-- A step with its flow's settings, in the form in which lead_schedule reads them; `zone` is the
-- flow's, as known_zone has it. It takes records: the rows of a table's part on a node are of a
-- type of their own.
create or replace function flowctl.zoned_step(step_row record, flow_row record, zone text)
returns flowctl.step_setting
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  step constant public.flow_steps := step_row;
  flow constant public.flows := flow_row;
  has_window constant boolean := coalesce(
    flow.send_window -> 'types' ? step.type, flow.send_window is not null
  );
  time_of_day constant time := case
    when step.time_type = 'specific' then flowctl.time_of_day(step.time)
  end;
begin
  return row(
    step.id, step.flow, step.key, step.step_order, step.type, step.subject, step.content, step.day,
    time_of_day,
    -- a flow from before, in a zone that nobody knows, must not keep leads out
    coalesce(zone, 'UTC'),
    flow.audience,
    case when has_window then
      coalesce(flowctl.time_of_day(flow.send_window ->> 'start'), '00:00'::time)
    end,
    case when has_window then flowctl.time_of_day(flow.send_window ->> 'end') end,
    case when has_window then flowctl.weekdays(flow.send_window -> 'days') end,
    case
      when not flow.enabled then 'flow is off'
      when not step.enabled then 'step is off'
      when step.time_type = 'specific' and time_of_day is null then 'step has no readable time'
    end
  )::flowctl.step_setting;
end;
$$;
