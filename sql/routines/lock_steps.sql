-- One writer of steps at a time, from before its first row is locked: so the order is counted with
-- all steps in sight, and two writers cannot wait for each other.
create or replace function flowctl.lock_steps() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtext('flowctl.flow_steps'));
  return null;
end;
$$;

drop trigger if exists lock_steps on public.flow_steps;

create trigger lock_steps before insert or update or delete on public.flow_steps
for each statement execute function flowctl.lock_steps();
