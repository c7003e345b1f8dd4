-- Writes down what happens to a message, whoever does it: a dispatcher, a person, a CRM. A claim
-- and a send are not written: what they leave stands in the row, and they have no time for it.
create or replace function flowctl.note_history() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  happened constant text := case
    when new.delivery_status is distinct from old.delivery_status then new.delivery_status
    when new.status = 'failed' and new.is_unknown then 'unknown'
    when new.status <> 'pending' then new.status
    when old.status <> 'pending' then 'reopened'
    when new.is_unknown then 'unknown'
    when new.attempts > old.attempts or old.is_unknown then 'retrying'
    else 'moved'
  end;
  -- its time, where that changed
  was constant timestamptz := case when new.due_at <> old.due_at then old.due_at end;
  becomes constant timestamptz := case when new.due_at <> old.due_at then new.due_at end;
  detail text;
begin
  detail := case
    when new.delivery_status is distinct from old.delivery_status
      then concat_ws(': ', new.delivery_code, new.error_message)
    when happened = 'reopened' then coalesce(new.error_message, 'by hand')
    when happened <> 'moved' then new.error_message
    when new.shifted_days <> old.shifted_days then 'shifted after a pause'
    when new.planned_for <> old.planned_for then 'planned anew'
    -- a gap is met by what is claimed, a window before that
    when old.lease_until > now() then 'waits for the gap (min_gap)'
    when exists (
      select from public.flow_steps as step
      inner join public.flows as flow on flow.name = step.flow
      where step.id = new.flow_step_id and flow.send_window is not null
    ) then 'waits for the send window'
    else 'by hand'
  end;
  insert into flowctl.message_history (message_id, lead_id, event, detail, was, becomes)
  values (new.id, new.lead_id, happened, detail, was, becomes);
  return null;
end;
$$;

drop trigger if exists note_history on public.message_logs;

create trigger note_history after update on public.message_logs
for each row when (
  (new.delivery_status is distinct from old.delivery_status and new.delivery_status is not null)
  or (new.status <> 'sent' and (
    new.status, new.attempts, new.is_unknown, new.scheduled_for, new.planned_for
  ) is distinct from (
    old.status, old.attempts, old.is_unknown, old.scheduled_for, old.planned_for
  ))
)
execute function flowctl.note_history();
