-- In a flow with dedupe_address, a digest of each address that a step was sent to, in the
-- transaction that records it: it outlives the message, and with it the lead.
create or replace function flowctl.remember_address() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- most databases have no such flow, and most statements send nothing: then this is all they cost
  if exists (select from changed_messages as changed where changed.status = 'sent')
    and exists (select from public.flows as flow where flow.dedupe_address)
  then
    insert into flowctl.sent_addresses (lead_id, flow_step_id, digest)
    select sent.lead_id, sent.flow_step_id, known.digest
    from changed_messages as sent
    cross join lateral (
      -- offset 0: computed once
      select flowctl.address_digest(sent.message_type, sent.recipient) as digest
      offset 0
    ) as known
    -- what was sent before is known already
    where sent.status = 'sent'
      and sent.flow_step_id in (
        select step.id
        from public.flow_steps as step
        inner join public.flows as flow on flow.name = step.flow
        where flow.dedupe_address
      )
      and known.digest is not null
    -- in one order, so that two statements cannot wait for each other
    order by known.digest
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

-- Where the messages are distributed sql/citus.sql makes one that works row by row.
do $$
begin
  if not flowctl.is_distributed() then
    drop trigger if exists remember_address on public.message_logs;
    create trigger remember_address
    after update on public.message_logs
    referencing new table as changed_messages
    for each statement execute function flowctl.remember_address();
  end if;
end;
$$;

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
