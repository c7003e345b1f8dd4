-- Imports of leads that run at the same time take turns, batch by batch, and each notices that
-- another one has added leads since it looked at the table.

create table if not exists flowctl.lead_imports (
  is_only boolean primary key default true check (is_only),
  batches bigint not null default 0
);

comment on table flowctl.lead_imports is 'How many batches of leads were imported so far.';

insert into flowctl.lead_imports default values on conflict do nothing;
