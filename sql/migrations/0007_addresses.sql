-- What is known of addresses beside the leads.

-- A digest of each address that a step of a flow with dedupe_address was sent to: it outlives the
-- message and the lead.
create table if not exists flowctl.sent_addresses (
  flow_step_id uuid not null references public.flow_steps (id) on delete cascade,
  digest bytea not null,
  constraint sent_addresses_pkey primary key (flow_step_id, digest)
);

-- Messages that are pending again once the lead's address has changed.
create index if not exists message_logs_addressless
on public.message_logs (lead_id) where cause in ('no_address', 'bad_address');
