-- In a flow with dedupe_address, a digest of each address that a step was sent to, in the
-- transaction that records it: it outlives the message, and with it the lead.
create or replace function flowctl.remember_address() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- most databases have no such flow: then this is all that a message costs
  if exists (select from public.flows as flow where flow.dedupe_address) then
    insert into flowctl.sent_addresses (lead_id, flow_step_id, digest)
    select new.lead_id, step.id, known.digest
    from public.flow_steps as step
    inner join public.flows as flow on flow.name = step.flow
    cross join lateral (
      -- offset 0: computed once
      select flowctl.address_digest(new.message_type, new.recipient) as digest
      offset 0
    ) as known
    where step.id = new.flow_step_id and flow.dedupe_address and known.digest is not null
    on conflict do nothing;
  end if;
  return null;
end;
$$;

-- ... and of what was sent before: of these steps, from one table of messages to one of addresses.
create or replace function flowctl.remember_sent(
  messages regclass, addresses regclass, steps uuid[]
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  execute format(
    $sql$
    insert into %s (lead_id, flow_step_id, digest)
    select
      message.lead_id,
      message.flow_step_id,
      flowctl.address_digest(message.message_type, message.recipient)
    from %s as message
    where message.flow_step_id = any($1) and message.status = 'sent'
      and flowctl.comparable_address(message.message_type, message.recipient) is not null
    on conflict do nothing
    $sql$,
    addresses, messages
  ) using steps;
end;
$$;

-- Where dedupe_address is switched on.
create or replace function flowctl.remember_addresses() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform flowctl.remember_sent(
    'public.message_logs', 'flowctl.sent_addresses',
    array(select step.id from public.flow_steps as step where step.flow = new.name)
  );
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
do $$
declare
  steps constant uuid[] := array(
    select step.id
    from public.flow_steps as step
    inner join public.flows as flow on flow.name = step.flow and flow.dedupe_address
  );
begin
  perform flowctl.remember_sent('public.message_logs', 'flowctl.sent_addresses', steps);
end;
$$;
