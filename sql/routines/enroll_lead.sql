-- Schedules for one lead what it lacks of one flow and what is not behind it; returns how many
-- messages it added. schedule_messages_for_lead does the same for all flows.
create or replace function public.enroll_lead(
  lead_id public.leads.id%type, flow text -- noqa: LT01
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from public.flows as known where known.name = enroll_lead.flow) then
    raise exception 'there is no flow %', coalesce('"' || enroll_lead.flow || '"', 'null')
      using errcode = 'invalid_parameter_value', hint = 'its names are in public.flows';
  end if;
  return flowctl.schedule_leads(array[enroll_lead.lead_id], enroll_lead.flow);
end;
$$;
