-- Schedules for one lead what is missing and whose date has not passed for it; returns how many
-- messages it added.
create or replace function public.schedule_messages_for_lead(
  lead_id public.leads.id%type -- noqa: LT01
) returns integer
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select flowctl.schedule_leads(array[lead_id]);
$$;
