-- Schedules every message of the leads of one statement, in their own transaction. A lead is never
-- refused because of a flow: should the set fail (a step was deleted meanwhile, say), each lead is tried
-- by itself, and one that cannot be scheduled is left to a warning.
create or replace function public.auto_schedule_messages() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  steps flowctl.step_setting[];
  missed record;
begin
  begin
    steps := flowctl.step_settings();
    insert into public.message_logs
      (lead_id, flow_step_id, message_type, subject, content, scheduled_for)
    select
      lead.id, due.flow_step_id, due.message_type, due.subject, due.content, due.scheduled_for
    from new_leads as lead
    cross join lateral flowctl.lead_schedule(
      to_jsonb(lead), lead.created_at::timestamptz, now(), steps
    ) as due
    where due.skipped is null;
    return null;
  exception
    when serialization_failure or deadlock_detected then
      raise;
    when others then
      raise warning 'flowctl: scheduling lead by lead: %', sqlerrm;
  end;
  for missed in select lead.id from new_leads as lead loop
    begin
      perform flowctl.schedule_leads(array[missed.id]);
    exception
      when serialization_failure or deadlock_detected then
        raise;
      when others then
        raise warning 'flowctl: lead % is not scheduled: %', missed.id, sqlerrm;
    end;
  end loop;
  return null;
end;
$$;

drop trigger if exists auto_schedule_messages on public.leads;

create trigger auto_schedule_messages
after insert on public.leads
referencing new table as new_leads
for each statement execute function public.auto_schedule_messages();
