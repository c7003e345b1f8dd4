-- Completes a message that somebody else than the schedule inserts: it is planned for the time it
-- has, and one without a step is the CRM's own.
create or replace function flowctl.plan_message() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  new.planned_for := coalesce(new.planned_for, new.scheduled_for);
  new.is_own := new.flow_step_id is null;
  return new;
end;
$$;

drop trigger if exists plan_message on public.message_logs;

create trigger plan_message before insert on public.message_logs
for each row when (new.planned_for is null or new.flow_step_id is null)
execute function flowctl.plan_message();
