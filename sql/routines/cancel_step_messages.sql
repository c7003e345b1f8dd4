-- A step that is deleted takes its pending messages out; the rest of its history stays. What is
-- being sent at this moment is left to its dispatcher, and to the next claim.
create or replace function flowctl.cancel_step_messages() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update public.message_logs as message
  set
    status = 'cancelled',
    cause = 'step_deleted',
    error_message = 'step was deleted',
    claimed_by = null,
    lease_until = null
  where message.flow_step_id = old.id and message.status = 'pending'
    and not exists (select from flowctl.sends as send where send.message_id = message.id);
  return old;
end;
$$;

drop trigger if exists cancel_step_messages on public.flow_steps;

create trigger cancel_step_messages before delete on public.flow_steps
for each row execute function flowctl.cancel_step_messages();
