-- In a flow with dedupe_address, a digest of each address that a step was sent to, in the
-- transaction that records it: it outlives the message, and with it the lead.
create or replace function flowctl.remember_address() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from public.flow_steps as step
    inner join public.flows as flow on flow.name = step.flow
    where step.id = new.flow_step_id and flow.dedupe_address
  ) and flowctl.comparable_address(new.message_type, new.recipient) is not null then
    insert into flowctl.sent_addresses (lead_id, flow_step_id, digest)
    values (
      new.lead_id, new.flow_step_id, flowctl.address_digest(new.message_type, new.recipient)
    )
    on conflict do nothing;
  end if;
  return null;
end;
$$;

-- ... and where dedupe_address is switched on, of what was sent before.
create or replace function flowctl.remember_addresses() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into flowctl.sent_addresses (lead_id, flow_step_id, digest)
  select
    message.lead_id,
    message.flow_step_id,
    flowctl.address_digest(message.message_type, message.recipient)
  from public.message_logs as message
  inner join public.flow_steps as step on step.id = message.flow_step_id
  where step.flow = new.name and message.status = 'sent'
    and flowctl.comparable_address(message.message_type, message.recipient) is not null
  on conflict do nothing;
  return null;
end;
$$;

drop trigger if exists remember_address on public.message_logs;

create trigger remember_address after update on public.message_logs
for each row when (new.status = 'sent' and old.status <> 'sent')
execute function flowctl.remember_address();

drop trigger if exists remember_addresses on public.flows;

create trigger remember_addresses after update on public.flows
for each row when (new.dedupe_address and not old.dedupe_address)
execute function flowctl.remember_addresses();

-- what an older version sent
insert into flowctl.sent_addresses (lead_id, flow_step_id, digest)
select
  message.lead_id,
  message.flow_step_id,
  flowctl.address_digest(message.message_type, message.recipient)
from public.message_logs as message
inner join public.flow_steps as step on step.id = message.flow_step_id
inner join public.flows as flow on flow.name = step.flow and flow.dedupe_address
where message.status = 'sent'
  and flowctl.comparable_address(message.message_type, message.recipient) is not null
on conflict do nothing;
