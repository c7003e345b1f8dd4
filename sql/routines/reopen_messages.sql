-- Messages whose lead had no usable address are pending again when it has changed, where their
-- time is over by no more than a day (or the flow's expire_after), unless their lead is stopped.
-- Whether it is good now is found when they are claimed. An update of a lead never fails because of
-- this.
create or replace function flowctl.reopen_messages() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  with waiting as materialized (
    select
      message.id,
      lead.id as lead_id,
      case message.message_type when 'email' then 'email' else 'phone' end as address_column,
      to_jsonb(lead) as lead
    from new_leads as lead
    inner join public.message_logs as message on message.lead_id = lead.id
    left join public.flow_steps as step on step.id = message.flow_step_id
    left join public.flows as flow on flow.name = step.flow
    where message.cause in ('no_address', 'bad_address')
      and message.status in ('failed', 'cancelled')
      and now() <= message.planned_for + coalesce(flow.expire_after, interval '1 day')
      and not exists (
        select from flowctl.stops as stop
        where stop.lead_id = message.lead_id and (stop.flow is null or stop.flow = step.flow)
      )
  )
  update public.message_logs as message
  set
    status = 'pending',
    error_message = format('tried again: the lead''s %s has changed', waiting.address_column),
    cause = null,
    recipient = null,
    attempts = 0,
    retry_at = null,
    claimed_by = null,
    lease_until = null
  from waiting
  inner join old_leads as former on former.id = waiting.lead_id
  where message.id = waiting.id
    and btrim(waiting.lead ->> waiting.address_column) <> ''
    and waiting.lead ->> waiting.address_column
      is distinct from to_jsonb(former) ->> waiting.address_column;
  return null;
exception
  when serialization_failure then
    raise;
  when others then
    raise warning 'flowctl: messages of changed leads are not tried again: %', sqlerrm;
    return null;
end;
$$;

-- Where the leads are distributed sql/citus.sql makes one that works row by row.
do $$
begin
  -- On a leads table of another role the right to make a trigger is not the right to drop one.
  if not flowctl.is_distributed() and not exists (
    select from pg_catalog.pg_trigger as t
    where t.tgrelid = 'public.leads'::regclass and t.tgname = 'flowctl_reopen_messages'
      and t.tgfoid = 'flowctl.reopen_messages()'::regprocedure
  ) then
    create trigger flowctl_reopen_messages
    after update on public.leads
    referencing old table as old_leads new table as new_leads
    for each statement execute function flowctl.reopen_messages();
  end if;
end;
$$;
