-- A message that is inserted without a planned time, by a CRM, is planned for the time it has.
create or replace function flowctl.plan_message() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  new.planned_for := new.scheduled_for;
  return new;
end;
$$;

drop trigger if exists plan_message on public.message_logs;

create trigger plan_message before insert on public.message_logs
for each row when (new.planned_for is null) execute function flowctl.plan_message();
