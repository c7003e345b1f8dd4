-- A step that is deleted takes its pending messages out; the rest of its history stays. What is
-- being sent at this moment is left to its dispatcher, and to the next claim. The foreign key has
-- unset the step: so this works on whatever part of the messages a node has.
create or replace function flowctl.cancel_step_messages() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from flowctl.sends as send
    where send.message_id = new.id and send.lead_id = new.lead_id
  ) then
    new.status := 'cancelled';
    new.cause := 'step_deleted';
    new.error_message := 'step was deleted';
    new.claimed_by := null;
    new.lease_until := null;
  end if;
  return new;
end;
$$;

drop trigger if exists cancel_step_messages on public.flow_steps;

drop trigger if exists cancel_step_messages on public.message_logs;

create trigger cancel_step_messages before update on public.message_logs
for each row when (
  new.status = 'pending' and old.flow_step_id is not null and new.flow_step_id is null
)
execute function flowctl.cancel_step_messages();
