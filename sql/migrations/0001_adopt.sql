-- Tables of our names that an earlier script made by hand, with the basic columns only, are brought
-- to a shape on which 0002_tables can build. Nothing of the history is lost: what cannot stay in
-- message_logs moves to flowctl.message_archive. On a database without such tables nothing happens.

-- A schema of our name that another role owns would let that role change what is in it.
do $$
declare
  stranger text;
begin
  select pg_get_userbyid(n.nspowner) into stranger
  from pg_catalog.pg_namespace as n
  where n.nspname = 'flowctl' and not pg_has_role(current_user, n.nspowner, 'usage');
  if stranger is not null then
    raise exception 'the schema flowctl belongs to the role %', stranger
      using errcode = 'FC003', hint = 'apply the schema as that role, or rename that schema';
  end if;
end;
$$;

create schema if not exists flowctl;

comment on schema flowctl is
'Internals of flowctl: history, helper functions, sends in flight. Nothing here is for the API.';

create table if not exists flowctl.migrations (
  version integer primary key,
  name text not null,
  applied_at timestamptz not null default now()
);

-- What adoption changed, for apply-schema to tell.
create table if not exists flowctl.adoptions (
  what text not null,
  things bigint not null,
  adopted_at timestamptz not null default now()
);

-- What it cannot take it refuses before it changes anything.
do $$
declare
  relation record;
  missing text;
begin
  for relation in
    select c.oid, c.relname, c.relkind, c.relowner, wanted.columns
    from (values
      ('leads', array['id', 'created_at']),
      ('flows', array[
        'name text', 'enabled boolean', 'timezone text', 'audience jsonb', 'exit_when jsonb',
        'send_window jsonb', 'expire_after interval', 'min_gap interval', 'dedupe_address boolean'
      ]),
      ('flow_steps', array[
        'id', 'step_order', 'type', 'subject', 'content', 'day', 'time', 'time_type', 'enabled'
      ]),
      ('message_logs', array[
        'id', 'lead_id', 'flow_step_id', 'message_type', 'subject', 'content', 'status',
        'scheduled_for', 'sent_at', 'error_message'
      ]),
      ('suppressions', array[
        'channel text', 'address text', 'reason text', 'created_at timestamp with time zone',
        'source text'
      ])
    ) as wanted (name, columns)
    inner join pg_catalog.pg_class as c on c.relname = wanted.name
    where c.relnamespace = 'public'::regnamespace
  loop
    if relation.relkind not in ('r', 'p') then
      raise exception 'public.% is not a table', relation.relname
        using errcode = 'FC003', hint = 'flowctl needs a table of this name; rename what is there';
    end if;
    select string_agg(named.name, ', ') into missing
    from unnest(relation.columns) as named (name)
    where not exists (
      select from pg_catalog.pg_attribute as a
      where a.attrelid = relation.oid and not a.attisdropped
        and named.name in (a.attname, a.attname || ' ' || format_type(a.atttypid, null))
    );
    if missing is not null then
      raise exception 'public.% is there and is something else: it has no column %',
        relation.relname, missing
        using errcode = 'FC003', hint = 'flowctl needs a table of this name; rename what is there';
    end if;
    if relation.relname <> 'leads' and not pg_has_role(current_user, relation.relowner, 'usage') then
      raise exception 'public.% belongs to the role %', relation.relname,
        pg_get_userbyid(relation.relowner)
        using errcode = 'FC003', hint = 'apply the schema as that role, or give the table to yours';
    end if;
  end loop;
  for relation in
    select p.oid::regprocedure as signature, p.proowner
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
      and p.proname in ('auto_schedule_messages', 'schedule_messages_for_lead')
      and not pg_has_role(current_user, p.proowner, 'usage')
  loop
    raise exception 'the function % belongs to the role %', relation.signature,
      pg_get_userbyid(relation.proowner)
      using errcode = 'FC003', hint = 'apply the schema as that role, or drop the function';
  end loop;
end;
$$;

-- Triggers and functions of an earlier script.
do $$
declare
  old record;
  dropped integer := 0;
begin
  if exists (select from flowctl.migrations) then
    return;
  end if;
  for old in
    select t.tgname, t.tgrelid::regclass as place
    from pg_catalog.pg_trigger as t
    inner join pg_catalog.pg_proc as p on p.oid = t.tgfoid
    where not t.tgisinternal and p.pronamespace = 'public'::regnamespace
      and p.proname in ('auto_schedule_messages', 'schedule_messages_for_lead')
  loop
    execute format('drop trigger %I on %s', old.tgname, old.place);
    dropped := dropped + 1;
  end loop;
  for old in
    select p.oid::regprocedure as signature
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
      and p.proname in ('auto_schedule_messages', 'schedule_messages_for_lead')
  loop
    execute format('drop function %s', old.signature);
    dropped := dropped + 1;
  end loop;
  if dropped > 0 then
    insert into flowctl.adoptions values ('older triggers and functions removed', dropped);
  end if;
end;
$$;

-- Constraints, unique indexes and policies of an earlier script: ours take their place.
do $$
declare
  old record;
  dropped integer := 0;
  policies integer := 0;
begin
  if exists (select from flowctl.migrations) then
    return;
  end if;
  for old in
    select c.conname, c.conrelid::regclass as place
    from pg_catalog.pg_constraint as c
    where c.conrelid in (to_regclass('public.flow_steps'), to_regclass('public.message_logs'))
      and c.contype in ('c', 'f', 'u', 'x')
    order by c.contype = 'u'
  loop
    execute format('alter table %s drop constraint %I', old.place, old.conname);
    dropped := dropped + 1;
  end loop;
  for old in
    select i.indexrelid::regclass as name
    from pg_catalog.pg_index as i
    where i.indrelid in (to_regclass('public.flow_steps'), to_regclass('public.message_logs'))
      and i.indisunique and not i.indisprimary
  loop
    execute format('drop index %s', old.name);
    dropped := dropped + 1;
  end loop;
  for old in
    select p.polname, p.polrelid::regclass as place
    from pg_catalog.pg_policy as p
    where p.polrelid in (
      to_regclass('public.flows'), to_regclass('public.flow_steps'),
      to_regclass('public.message_logs'), to_regclass('public.suppressions')
    )
  loop
    execute format('drop policy %I on %s', old.polname, old.place);
    policies := policies + 1;
  end loop;
  if dropped > 0 then
    insert into flowctl.adoptions values ('older constraints and unique indexes replaced', dropped);
  end if;
  if policies > 0 then
    insert into flowctl.adoptions values ('older policies removed', policies);
  end if;
end;
$$;

-- The steps.
do $$
declare
  wanted bigint;
  changed bigint;
  col record;
begin
  if to_regclass('public.flow_steps') is null or exists (select from flowctl.migrations) then
    return;
  end if;
  alter table public.flow_steps disable row level security;
  alter table public.flow_steps disable trigger user;
  alter table public.flow_steps
    add column if not exists created_at timestamptz,
    add column if not exists updated_at timestamptz,
    add column if not exists flow text,
    add column if not exists key text,
    add column if not exists position integer;
  for col in
    select a.attname, wanted.type
    from (values
      ('step_order', 'integer'), ('type', 'text'), ('subject', 'text'), ('content', 'text'),
      ('day', 'integer'), ('time', 'text'), ('time_type', 'text'), ('enabled', 'boolean'),
      ('created_at', 'timestamp with time zone'), ('updated_at', 'timestamp with time zone')
    ) as wanted (name, type)
    inner join pg_catalog.pg_attribute as a
      on a.attrelid = 'public.flow_steps'::regclass and a.attname = wanted.name
    where format_type(a.atttypid, null) <> wanted.type
  loop
    execute format('alter table public.flow_steps alter column %I drop default', col.attname);
    execute format(
      'alter table public.flow_steps alter column %I type %s using %s',
      col.attname, col.type,
      case
        when col.type = 'timestamp with time zone' then format('%I at time zone ''UTC''', col.attname)
        else format('%I::text::%s', col.attname, col.type)
      end
    );
  end loop;
  if (select format_type(a.atttypid, null) from pg_catalog.pg_attribute as a
      where a.attrelid = 'public.flow_steps'::regclass and a.attname = 'id') <> 'uuid'
  then
    raise exception 'public.flow_steps.id is not a uuid'
      using errcode = 'FC003', hint = 'flowctl needs steps with a uuid; give them one';
  end if;
  wanted := (select count(*) from public.flow_steps as s where coalesce(s.enabled, true));
  update public.flow_steps as step
  set
    id = coalesce(step.id, gen_random_uuid()),
    flow = 'default',
    type = case when lower(btrim(step.type)) in ('sms', 'text', 'text message') then 'text'
      else lower(btrim(step.type)) end,
    time_type = case
      when lower(btrim(step.time_type)) in ('immediate', 'immediately', 'instant') then 'immediately'
      when step.time_type is null and coalesce(btrim(step.time), '') = '' then 'immediately'
      else 'specific'
    end,
    day = least(greatest(coalesce(step.day, 0), 0), 3650),
    -- what was not said to be on, or for which day, was not sent
    enabled = coalesce(step.enabled and step.day between 0 and 3650, false),
    created_at = coalesce(step.created_at, now()),
    updated_at = coalesce(step.updated_at, step.created_at, now()),
    step_order = 0,
    position = numbered.position
  from (
    select s.ctid as place, row_number() over (order by s.step_order, s.created_at, s.id) as position
    from public.flow_steps as s
  ) as numbered
  where step.ctid = numbered.place;
  if exists (select from public.flow_steps as s where coalesce(s.type, '') not in ('email', 'text')) then
    raise exception 'public.flow_steps has steps of the type %',
      (select string_agg(distinct coalesce('"' || s.type || '"', 'null'), ', ')
       from public.flow_steps as s where coalesce(s.type, '') not in ('email', 'text'))
      using errcode = 'FC003', hint = 'flowctl sends email and text; delete or change these steps';
  end if;
  update public.flow_steps as step
  set enabled = false
  where step.enabled and (
    coalesce(btrim(step.content), '') = ''
    or (step.type = 'email' and coalesce(btrim(step.subject), '') = '')
    or (step.time_type = 'specific' and not coalesce(
      step.time ~* '^\s*(0?[1-9]|1[0-2])(:[0-5]\d)?(:00)?\s*[ap]\.?m\.?\s*$'
      or step.time ~ '^\s*([01]?\d|2[0-3]):[0-5]\d(:00)?\s*$', false
    ))
  );
  changed := wanted - (select count(*) from public.flow_steps as s where s.enabled);
  if changed > 0 then
    insert into flowctl.adoptions
    values ('steps disabled that could not be scheduled', changed);
  end if;
  alter table public.flow_steps
    alter column id set default gen_random_uuid(),
    alter column step_order set default 0,
    alter column step_order set not null,
    alter column type set not null,
    alter column day set default 0,
    alter column day set not null,
    alter column time_type drop default,
    alter column time_type set not null,
    alter column enabled set default true,
    alter column enabled set not null,
    alter column created_at set default now(),
    alter column created_at set not null,
    alter column updated_at set default now(),
    alter column updated_at set not null,
    alter column flow set default 'default',
    alter column flow set not null,
    alter column position set default 0,
    alter column position set not null;
  if not exists (
    select from pg_catalog.pg_index as i
    where i.indrelid = 'public.flow_steps'::regclass and i.indisprimary
  ) then
    alter table public.flow_steps add primary key (id);
  end if;
  alter table public.flow_steps enable trigger user;
  insert into flowctl.adoptions
  select 'steps adopted', count(*) from public.flow_steps;
end;
$$;

-- The messages.
do $$
declare
  id_type constant text := (
    select format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute as a
    where a.attrelid = to_regclass('public.leads') and a.attname = 'id' and not a.attisdropped
  );
  col record;
  changed bigint;
begin
  if to_regclass('public.message_logs') is null or exists (select from flowctl.migrations) then
    return;
  end if;
  if id_type is null then
    raise exception 'public.message_logs is there, and public.leads is not'
      using errcode = 'FC003', hint = 'flowctl needs the leads that these messages belong to';
  end if;
  alter table public.message_logs disable row level security;
  alter table public.message_logs disable trigger user;
  alter table public.message_logs add column if not exists created_at timestamptz;
  for col in
    select a.attname, wanted.type
    from (values
      ('id', 'uuid'), ('lead_id', id_type), ('flow_step_id', 'uuid'), ('message_type', 'text'),
      ('subject', 'text'), ('content', 'text'), ('status', 'text'), ('error_message', 'text'),
      ('scheduled_for', 'timestamp with time zone'), ('sent_at', 'timestamp with time zone'),
      ('created_at', 'timestamp with time zone')
    ) as wanted (name, type)
    inner join pg_catalog.pg_attribute as a
      on a.attrelid = 'public.message_logs'::regclass and a.attname = wanted.name
    where format_type(a.atttypid, a.atttypmod) <> wanted.type
  loop
    if col.attname = 'id' then
      raise exception 'public.message_logs.id is not a uuid'
        using errcode = 'FC003', hint = 'flowctl needs messages with a uuid; give them one';
    end if;
    execute format('alter table public.message_logs alter column %I drop default', col.attname);
    execute format(
      'alter table public.message_logs alter column %I type %s using %s',
      col.attname, col.type,
      case
        when col.type = 'timestamp with time zone' then format('%I at time zone ''UTC''', col.attname)
        else format('%I::text::%s', col.attname, col.type)
      end
    );
  end loop;

  -- everything that does not stay, as it was
  execute format(
    'create table if not exists flowctl.message_archive (
      id uuid, lead_id %s, flow_step_id uuid, message_type text, subject text, content text,
      status text, scheduled_for timestamptz, sent_at timestamptz, error_message text,
      created_at timestamptz, archived_at timestamptz not null default now(), reason text not null
    )', id_type
  );
  update public.message_logs set id = gen_random_uuid() where id is null;
  with gone as (
    delete from public.message_logs as message
    where message.lead_id is null
      or not exists (select from public.leads as lead where lead.id = message.lead_id)
    returning message.*
  )
  insert into flowctl.message_archive (
    id, lead_id, flow_step_id, message_type, subject, content, status, scheduled_for, sent_at,
    error_message, created_at, reason
  )
  select
    gone.id, gone.lead_id, gone.flow_step_id, gone.message_type, gone.subject, gone.content,
    gone.status, gone.scheduled_for, gone.sent_at, gone.error_message, gone.created_at,
    'its lead does not exist'
  from gone;
  get diagnostics changed = row_count;
  if changed > 0 then
    insert into flowctl.adoptions values ('messages of no lead archived', changed);
  end if;

  update public.message_logs as message
  set
    flow_step_id = case
      when exists (select from public.flow_steps as step where step.id = message.flow_step_id)
        then message.flow_step_id
    end,
    message_type = case
      when lower(btrim(message.message_type)) in ('sms', 'text', 'text message') then 'text'
      else 'email'
    end,
    content = coalesce(message.content, ''),
    created_at = coalesce(message.created_at, message.scheduled_for, message.sent_at, now()),
    status = known.status,
    sent_at = case
      when known.status = 'sent'
        then coalesce(message.sent_at, message.scheduled_for, message.created_at, now())
      else message.sent_at
    end,
    error_message = case
      when known.is_odd then concat_ws('; ',
        format('adopted with the status %s', coalesce('"' || message.status || '"', 'null')),
        message.error_message)
      when known.is_timeless
        then concat_ws('; ', 'adopted without a time to send it', message.error_message)
      else message.error_message
    end,
    scheduled_for = coalesce(
      case when isfinite(message.scheduled_for) then message.scheduled_for end,
      message.sent_at, message.created_at, now()
    )
  from (
    select
      m.ctid as place,
      case
        when lower(btrim(m.status)) in ('sent', 'delivered') then 'sent'
        when lower(btrim(m.status)) in ('failed', 'error') then 'failed'
        when m.status is null and m.sent_at is not null then 'sent'
        when lower(btrim(m.status)) in ('pending', 'scheduled', 'queued')
          and isfinite(m.scheduled_for) then 'pending'
        else 'cancelled'
      end as status,
      coalesce(lower(btrim(m.status)) not in (
        'sent', 'delivered', 'failed', 'error', 'pending', 'scheduled', 'queued', 'cancelled',
        'canceled'
      ), true) as is_odd,
      lower(btrim(m.status)) in ('pending', 'scheduled', 'queued')
        and not coalesce(isfinite(m.scheduled_for), false) as is_timeless
    from public.message_logs as m
  ) as known
  where message.ctid = known.place;

  -- one message for each lead and step: the best stays
  with ranked as (
    select m.ctid as place, row_number() over (
      partition by m.lead_id, m.flow_step_id
      order by
        array_position(array['sent', 'pending', 'failed', 'cancelled'], m.status),
        coalesce(m.sent_at, m.created_at) desc, m.id
    ) as rank
    from public.message_logs as m
    where m.flow_step_id is not null
  ),
  gone as (
    delete from public.message_logs as message
    using ranked
    where ranked.place = message.ctid and ranked.rank > 1
    returning message.*
  )
  insert into flowctl.message_archive (
    id, lead_id, flow_step_id, message_type, subject, content, status, scheduled_for, sent_at,
    error_message, created_at, reason
  )
  select
    gone.id, gone.lead_id, gone.flow_step_id, gone.message_type, gone.subject, gone.content,
    gone.status, gone.scheduled_for, gone.sent_at, gone.error_message, gone.created_at,
    'the lead has another message of this step'
  from gone;
  get diagnostics changed = row_count;
  if changed > 0 then
    insert into flowctl.adoptions values ('further messages of one step archived', changed);
  end if;
  with twins as (
    select m.ctid as place, row_number() over (partition by m.id order by m.created_at) as number
    from public.message_logs as m
  )
  update public.message_logs as message
  set id = gen_random_uuid()
  from twins
  where twins.place = message.ctid and twins.number > 1;

  alter table public.message_logs
    alter column id set default gen_random_uuid(),
    alter column lead_id set not null,
    alter column flow_step_id drop not null,
    alter column message_type set not null,
    alter column subject drop not null,
    alter column content set not null,
    alter column status set default 'pending',
    alter column status set not null,
    alter column scheduled_for set not null,
    alter column sent_at drop not null,
    alter column error_message drop not null,
    alter column created_at set default now(),
    alter column created_at set not null;
  if not exists (
    select from pg_catalog.pg_index as i
    where i.indrelid = 'public.message_logs'::regclass and i.indisprimary
  ) then
    alter table public.message_logs add primary key (id);
  end if;
  alter table public.message_logs enable trigger user;
  insert into flowctl.adoptions
  select 'messages adopted', count(*) from public.message_logs
  union all
  select 'pending messages that are overdue, and go out with the next dispatch', count(*)
  from public.message_logs where status = 'pending' and scheduled_for < now()
  having count(*) > 0;
end;
$$;
