-- The tables. Safe over tables that are already there, and safe to run again.

create table if not exists flowctl.routines (
  name text primary key,
  checksum text not null,
  environment text not null default '',
  program text not null,
  applied_at timestamptz not null default now()
);

-- The server's own IANA zones. pg_timezone_names reads the disk at each look, far too slow for a
-- trigger; `at time zone` alone also takes abbreviations and POSIX rules, which are no zones.
create table if not exists flowctl.timezones (
  name text primary key,
  folded text collate "C" not null generated always as (lower(name collate "C")) stored
);

create unique index if not exists timezones_folded on flowctl.timezones (folded);

-- A step's settings with those of its flow, as the scheduling routine reads them. `skipped` says
-- why a step is not scheduled for anybody, null for one that is on. `opens`, `closes` and
-- `weekdays` (ISO, Monday 1) are the send window where it applies to this step.
do $$
begin
  if to_regtype('flowctl.step_setting') is null then
    create type flowctl.step_setting as (
      id uuid,
      flow text,
      key text,
      step_order integer,
      type text,
      subject text,
      content text,
      day integer,
      time_of_day time,
      zone text,
      audience jsonb,
      opens time,
      closes time,
      weekdays integer[],
      skipped text
    );
  end if;
end;
$$;

do $$
declare
  api_role text;
begin
  if to_regclass('public.leads') is null then
    create table public.leads (
      id uuid primary key default gen_random_uuid(),
      created_at timestamptz default now(),
      first_name text,
      last_name text,
      email text,
      phone text,
      timezone text,
      source text,
      status text
    );
    alter table public.leads enable row level security;
    comment on table public.leads is 'Who is to be messaged.';
    -- whoever fills a form must be let in by the table's owner
    revoke all on public.leads from public;
    foreach api_role in array array['anon', 'authenticated', 'service_role'] loop
      if to_regrole(api_role) is not null then
        execute format('revoke all on public.leads from %I', api_role);
      end if;
    end loop;
  end if;
end;
$$;

-- What flowctl needs of a leads table that somebody else made.
do $$
declare
  leads constant regclass := 'public.leads';
  id_type text;
  created_type text;
  lacking text;
begin
  if (select c.relkind from pg_catalog.pg_class as c where c.oid = leads) not in ('r', 'p') then
    raise exception 'public.leads is not a table'
      using errcode = 'FC003', hint = 'flowctl schedules by a trigger, which only a table can have';
  end if;
  select format_type(a.atttypid, null) into id_type
  from pg_catalog.pg_attribute as a
  where a.attrelid = leads and a.attname = 'id' and not a.attisdropped;
  select format_type(a.atttypid, null) into created_type
  from pg_catalog.pg_attribute as a
  where a.attrelid = leads and a.attname = 'created_at' and not a.attisdropped;
  if id_type is null
    or id_type not in ('uuid', 'bigint', 'integer', 'text', 'character varying')
    or not exists (
      select from pg_catalog.pg_index as i
      where i.indrelid = leads and i.indisunique and i.indimmediate and i.indpred is null
        and i.indnkeyatts = 1 and i.indkey[0] = (
          select a.attnum from pg_catalog.pg_attribute as a
          where a.attrelid = leads and a.attname = 'id'
        )
    )
  then
    raise exception 'public.leads has no usable column id (found: %)', coalesce(id_type, 'none')
      using errcode = 'FC003',
      hint = 'flowctl needs an id of type uuid, bigint, integer or text that is a primary key or unique';
  end if;
  if created_type is null
    or created_type not in ('timestamp with time zone', 'timestamp without time zone', 'date')
  then
    raise exception 'public.leads has no usable column created_at (found: %)',
      coalesce(created_type, 'none')
      using errcode = 'FC003',
      hint = 'alter table public.leads add column created_at timestamptz default now();';
  end if;
  select string_agg(needed.privilege, ', ') into lacking
  from unnest(array['select', 'references', 'trigger']) as needed (privilege)
  where not has_table_privilege(leads, needed.privilege);
  if lacking is not null then
    raise exception 'public.leads belongs to the role %, and % may not: %',
      (select pg_get_userbyid(c.relowner) from pg_catalog.pg_class as c where c.oid = leads),
      current_user, lacking
      using errcode = 'FC003',
      hint = format('as its owner: grant select, references, trigger on public.leads to %I;',
        current_user);
  end if;
end;
$$;

create table if not exists public.flows (
  name text primary key,
  enabled boolean not null default true,
  timezone text not null default 'UTC',
  audience jsonb,
  exit_when jsonb,
  send_window jsonb,
  expire_after interval,
  min_gap interval,
  dedupe_address boolean not null default false,
  constraint flows_name check (name = btrim(name) and name <> ''),
  constraint flows_audience check (jsonb_typeof(audience) = 'object'),
  constraint flows_exit_when check (jsonb_typeof(exit_when) = 'object'),
  constraint flows_send_window check (jsonb_typeof(send_window) = 'object'),
  constraint flows_expire_after check (expire_after > interval '0'),
  constraint flows_min_gap check (min_gap > interval '0')
);

comment on table public.flows is
'Ordered lists of steps and their settings; `default` always exists.';

insert into public.flows (name) values ('default') on conflict do nothing;

create table if not exists public.flow_steps (
  id uuid primary key default gen_random_uuid(),
  step_order integer not null default 0,
  type text not null,
  subject text,
  content text,
  day integer not null default 0,
  time text,
  time_type text not null,
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  flow text not null default 'default',
  key text,
  -- the order the steps were made in, or stand in their file: decides between equal times
  position integer not null default 0
);

comment on table public.flow_steps is
'The steps of every flow. step_order is kept by the database: by day, at once, then time of day.';

do $$
declare
  id_type constant text := (
    select format_type(a.atttypid, a.atttypmod)
    from pg_catalog.pg_attribute as a
    where a.attrelid = 'public.leads'::regclass and a.attname = 'id'
  );
begin
  execute format(
    $ddl$
    create table if not exists public.message_logs (
      id uuid primary key default gen_random_uuid(),
      lead_id %1$s not null,
      flow_step_id uuid,
      message_type text not null,
      subject text,
      content text not null,
      status text not null default 'pending',
      scheduled_for timestamptz not null,
      sent_at timestamptz,
      error_message text,
      created_at timestamptz not null default now()
    )
    $ddl$,
    id_type
  );
  -- The intent, durable before a provider hears of a message, and gone once its outcome is
  -- recorded. What is still here after lease_until was handed over, or not: nobody knows.
  execute format(
    $ddl$
    create table if not exists flowctl.sends (
      message_id uuid primary key,
      lead_id %1$s not null,
      flow_step_id uuid,
      channel text not null,
      transport text not null,
      recipient text not null,
      subject text,
      content text not null,
      claimed_by uuid not null,
      begun_at timestamptz not null default now(),
      lease_until timestamptz not null
    ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
    $ddl$,
    id_type
  );
  -- What adoption took out of message_logs; it has made the table where there was anything.
  execute format(
    $ddl$
    create table if not exists flowctl.message_archive (
      id uuid,
      lead_id %1$s,
      flow_step_id uuid,
      message_type text,
      subject text,
      content text,
      status text,
      scheduled_for timestamptz,
      sent_at timestamptz,
      error_message text,
      created_at timestamptz,
      archived_at timestamptz not null default now(),
      reason text not null
    )
    $ddl$,
    id_type
  );
end;
$$;

alter table public.message_logs
add column if not exists attempts integer not null default 0,
add column if not exists recipient text,
add column if not exists provider_id text,
add column if not exists delivery_status text,
-- a retry's pause; it never moves scheduled_for
add column if not exists retry_at timestamptz,
-- a claim is a lease: this run may begin to send the message until then
add column if not exists claimed_by uuid,
add column if not exists lease_until timestamptz,
add column if not exists due_at timestamptz
-- squawk-ignore adding-field-with-default
generated always as (greatest(scheduled_for, retry_at)) stored;

-- Room for heap-only updates, and a vacuum that comes in time.
alter table public.message_logs set (
  fillfactor = 90,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.02
);

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('public.flow_steps', 'flow_steps_flow',
        'foreign key (flow) references public.flows (name) on update cascade'),
      ('public.flow_steps', 'flow_steps_flow_key', 'unique (flow, key)'),
      ('public.flow_steps', 'flow_steps_key', $c$check (key = btrim(key) and key <> '')$c$),
      ('public.flow_steps', 'flow_steps_type', $c$check (type in ('email', 'text'))$c$),
      ('public.flow_steps', 'flow_steps_time_type',
        $c$check (time_type in ('immediately', 'specific'))$c$),
      ('public.flow_steps', 'flow_steps_day', 'check (day between 0 and 3650)'),
      ('public.message_logs', 'message_logs_lead',
        'foreign key (lead_id) references public.leads (id) on delete cascade'),
      -- not valid: what is archived for want of a lead stays; deleting a lead deletes what is its own
      ('flowctl.message_archive', 'message_archive_lead',
        'foreign key (lead_id) references public.leads (id) on delete cascade not valid'),
      ('public.message_logs', 'message_logs_step',
        'foreign key (flow_step_id) references public.flow_steps (id) on delete set null'),
      ('public.message_logs', 'message_logs_lead_step', 'unique (lead_id, flow_step_id)'),
      ('public.message_logs', 'message_logs_message_type',
        $c$check (message_type in ('email', 'text'))$c$),
      ('public.message_logs', 'message_logs_status',
        $c$check (status in ('pending', 'sent', 'failed', 'cancelled'))$c$),
      ('public.message_logs', 'message_logs_scheduled_for',
        $c$check (scheduled_for between '0001-01-01 00:00+00' and '9999-12-30 00:00+00')$c$)
    ) as needed (place, name, definition)
    where not exists (
      select from pg_catalog.pg_constraint as c
      where c.conrelid = needed.place::regclass and c.conname = needed.name
    )
  loop
    execute format(
      'alter table %s add constraint %I %s', wanted.place, wanted.name, wanted.definition
    );
  end loop;
end;
$$;

comment on table public.message_logs is
'One row for each step and lead: what will be sent, what was sent, what went wrong.';

-- What is due, for each channel, in the order it is sent. No claim column may be named here: a
-- claim is then a heap-only update.
create index if not exists message_logs_due
on public.message_logs (message_type, due_at, id) where status = 'pending';

-- Deleting a step, and the same step to the same address.
create index if not exists message_logs_step_recipient
on public.message_logs (flow_step_id, lower(recipient));

-- Sends of the last hour, texts sent lately.
create index if not exists message_logs_sent on public.message_logs (sent_at) where status = 'sent';

-- Deleting a lead.
create index if not exists message_archive_lead on flowctl.message_archive (lead_id);

create table if not exists public.suppressions (
  channel text not null,
  address text not null,
  reason text,
  created_at timestamptz not null default now(),
  -- who put it here: a person, the recipient's reply, or the provider's refusal
  source text not null default 'manual',
  constraint suppressions_pkey primary key (channel, address),
  constraint suppressions_channel check (channel in ('email', 'text')),
  constraint suppressions_source check (source in ('manual', 'reply', 'provider'))
);

comment on table public.suppressions is 'Addresses that must not be written to.';
