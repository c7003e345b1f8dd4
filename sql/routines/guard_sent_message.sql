-- What was sent stays sent, for everybody: else one update or delete would send it again. Others
-- than the owner may not touch what it says either; only its delivery is still open. The owner may
-- redact old content. A message is deleted with its lead, and not before.
create or replace function flowctl.guard_sent_message() returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  is_owner constant boolean := pg_has_role(
    current_user, (select c.relowner from pg_class as c where c.oid = tg_relid), 'member'
  );
begin
  if tg_op = 'DELETE' then
    if not is_owner or exists (select from public.leads as lead where lead.id = old.lead_id) then
      raise exception 'message % was sent and cannot be deleted', old.id
        using errcode = 'check_violation', hint = 'deleting its lead deletes it';
    end if;
    return old;
  end if;
  if new.status <> 'sent' or (new.id, new.lead_id, new.sent_at) is distinct from
    (old.id, old.lead_id, old.sent_at)
  then
    raise exception 'message % was sent and stays sent', old.id using errcode = 'check_violation';
  end if;
  if not is_owner and (new.flow_step_id, new.message_type, new.subject, new.content,
      new.scheduled_for, new.planned_for, new.recipient, new.provider_id, new.attempts,
      new.created_at)
    is distinct from (old.flow_step_id, old.message_type, old.subject, old.content,
      old.scheduled_for, old.planned_for, old.recipient, old.provider_id, old.attempts,
      old.created_at)
  then
    raise exception 'message % was sent and cannot be rewritten', old.id
      using errcode = 'check_violation';
  end if;
  return new;
end;
$$;

drop trigger if exists guard_sent_message on public.message_logs;

create trigger guard_sent_message before update or delete on public.message_logs
for each row when (old.status = 'sent') execute function flowctl.guard_sent_message();
