-- What people decide about leads: who is kept out of which flow.

-- A lead that is kept out of a flow, or (no flow) out of all, until it is resumed.
do $$
begin
  if to_regclass('flowctl.stops') is null then
    execute format(
      'create table flowctl.stops (
        lead_id %s not null references public.leads (id) on delete cascade,
        flow text references public.flows (name) on update cascade on delete cascade,
        reason text,
        stopped_at timestamptz not null default now()
      )',
      (
        select format_type(a.atttypid, null) from pg_catalog.pg_attribute as a
        where a.attrelid = 'public.message_logs'::regclass and a.attname = 'lead_id'
      )
    );
    comment on table flowctl.stops is
    'Leads that get nothing scheduled in a flow (null: in any), until they are resumed.';
  end if;
end;
$$;

create unique index if not exists stops_once on flowctl.stops (lead_id, coalesce(flow, ''));

-- Failed and cancelled messages, the newest first; sent ones have an index of their own.
create index if not exists message_logs_over
on public.message_logs (scheduled_for) where status in ('failed', 'cancelled');
