-- For a database that has outgrown one machine: the same tables on Citus (PostgreSQL 15 to 17), by
-- `apply-schema --citus`. Leads and what belongs to them are distributed by lead, all of one lead
-- on one node; steps, flows, suppressions and zones are copied to every node; what only the
-- commands read (runs, the history of the schema) stays on the coordinator. It may be run again: a
-- table that is distributed is left as it is, and one that is new is brought to the others. What
-- must be so before, citus_ready.sql says.

do $$
declare
  -- in which order they are copied and distributed: what is pointed at comes first
  references_first constant text[] := array[
    'flowctl.zones', 'flowctl.zone_spellings', 'flowctl.zone_history', 'flowctl.zone_releases',
    'public.flows', 'public.flow_steps', 'public.suppressions', 'flowctl.samples'
  ];
  by_lead constant text[] := array[
    'public.leads', 'public.message_logs', 'flowctl.sends', 'flowctl.stops',
    'flowctl.message_history', 'flowctl.message_archive', 'flowctl.returned_mail',
    'flowctl.sent_addresses'
  ];
  every constant regclass[] := (references_first || by_lead)::regclass[];
  -- a value of the type of a lead's id that is no lead's: of what belongs to nobody
  nobody constant text := case
    (
      select format_type(a.atttypid, null) from pg_catalog.pg_attribute as a
      where a.attrelid = 'public.leads'::regclass and a.attname = 'id'
    )
    when 'uuid' then '00000000-0000-0000-0000-000000000000' else '0'
  end;
  waiting regclass[];
  one record;
  place text;
  again text[] := '{}';
  statement text;
  things bigint;
begin
  select array_agg(own.place) into waiting
  from unnest(every) as own (place)
  where not exists (
    select from pg_catalog.pg_dist_partition as part where part.logicalrelid = own.place
  );
  if waiting is null then
    return;
  end if;
  -- nobody writes meanwhile
  foreach place in array waiting loop
    execute format('lock table %s in access exclusive mode', place);
  end loop;

  -- Its subquery is refused; security.sql makes one without.
  for one in
    select own.polrelid::regclass as place from pg_catalog.pg_policy as own
    where own.polname = 'flowctl_staff' and own.polrelid = any(waiting)
  loop
    execute format('drop policy flowctl_staff on %s', one.place);
  end loop;

  -- Triggers and foreign keys come back when all tables are where they belong.
  for one in
    select key.conname as name, key.conrelid::regclass as place, pg_get_constraintdef(key.oid) as definition
    from pg_catalog.pg_constraint as key
    where key.contype = 'f' and key.conrelid = any(every)
      and (key.conrelid = any(waiting) or key.confrelid = any(waiting))
  loop
    execute format('alter table %s drop constraint %I', one.place, one.name);
    again := again || case
      -- a key that points at a message carries its lead
      when one.definition like '%REFERENCES public.message_logs(id)%' then format(
        'alter table %s add constraint %I foreign key (lead_id, message_id) '
        'references public.message_logs (lead_id, id) on delete cascade',
        one.place, one.name
      )
      else format('alter table %s add constraint %I %s', one.place, one.name, one.definition)
    end;
  end loop;
  for one in
    select
      trigger.tgname as name, trigger.tgrelid::regclass as place,
      pg_get_triggerdef(trigger.oid) as definition,
      coalesce(trigger.tgnewtable, trigger.tgoldtable) is null as is_kept
    from pg_catalog.pg_trigger as trigger
    where not trigger.tgisinternal and trigger.tgrelid = any(waiting)
  loop
    execute format('drop trigger %I on %s', one.name, one.place);
    if one.is_kept then
      again := again || one.definition;
    end if;
  end loop;

  -- Keys carry the lead.
  if 'public.message_logs'::regclass = any(waiting) then
    alter table public.message_logs drop constraint message_logs_pkey;
    alter table public.message_logs add constraint message_logs_pkey primary key (lead_id, id);
    create index message_logs_id on public.message_logs (id);
  end if;
  if 'flowctl.sends'::regclass = any(waiting) then
    alter table flowctl.sends drop constraint sends_pkey;
    alter table flowctl.sends add constraint sends_pkey primary key (lead_id, message_id);
  end if;
  if 'flowctl.message_history'::regclass = any(waiting) then
    update flowctl.message_history as history
    set lead_id = message.lead_id
    from public.message_logs as message
    where message.id = history.message_id and history.lead_id is null;
    alter table flowctl.message_history drop constraint message_history_pkey;
    alter table flowctl.message_history add constraint message_history_pkey primary key (lead_id, id);
  end if;
  if 'flowctl.returned_mail'::regclass = any(waiting) then
    update flowctl.returned_mail as returned
    set lead_id = message.lead_id
    from public.message_logs as message
    where message.id = returned.message_id and returned.lead_id is null;
  end if;
  foreach place in array array[
    'flowctl.returned_mail', 'flowctl.sent_addresses', 'flowctl.message_archive'
  ] loop
    continue when not place::regclass = any(waiting);
    execute format('update %s set lead_id = %L where lead_id is null', place, nobody);
    execute format('alter table %s alter column lead_id set default %L', place, nobody);
  end loop;
  if 'flowctl.returned_mail'::regclass = any(waiting) then
    alter table flowctl.returned_mail drop constraint returned_mail_pkey;
    alter table flowctl.returned_mail
    add constraint returned_mail_pkey primary key (lead_id, digest);
    create index returned_mail_digest on flowctl.returned_mail (digest);
  end if;
  if 'flowctl.sent_addresses'::regclass = any(waiting) then
    alter table flowctl.sent_addresses drop constraint sent_addresses_pkey;
    alter table flowctl.sent_addresses
    add constraint sent_addresses_pkey primary key (lead_id, flow_step_id, digest);
    create index sent_addresses_digest on flowctl.sent_addresses (flow_step_id, digest);
  end if;

  foreach place in array references_first || by_lead loop
    continue when not place::regclass = any(waiting);
    execute format('select count(*) from %s', place) into things;
    if place = any(references_first) then
      perform create_reference_table(place);
    elsif place = 'public.leads' then
      perform create_distributed_table(place, 'id');
    else
      perform create_distributed_table(place, 'lead_id', colocate_with => 'public.leads');
    end if;
    -- what the coordinator had is on the nodes now
    perform truncate_local_data_after_distributing_table(place);
    insert into flowctl.adoptions (what, things) values (
      case when place = any(references_first) then 'rows copied to every node, of '
        else 'rows distributed by lead, of ' end || place,
      things
    );
  end loop;
  foreach statement in array again loop
    execute statement;
  end loop;
end;
$$;

-- The part of another distributed table that has the same leads as `part`, on the same node.
create or replace function flowctl.part_beside(part regclass, other regclass) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select format('%s_%s', other, beside.shardid)
    from pg_catalog.pg_dist_shard as own
    inner join pg_catalog.pg_dist_shard as beside on beside.shardminvalue = own.shardminvalue
    where own.shardid = substring(part::text from '_([0-9]+)$')::bigint
      and beside.logicalrelid = other
  );
end;
$$;

-- The parts of the leads, in the order of their hashes: the id of a lead that would be in it,
-- whether there is one or not, and what stands there for each name that a statement may hold.
create or replace function flowctl.parts() returns table (key text, names jsonb)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select found.key, beside.names || jsonb_build_object(
    'flowctl.free_messages',
    format('(%s)', rtrim(pg_get_viewdef('flowctl.free_messages'::regclass), ';'))
  )
  from pg_catalog.pg_dist_shard as part
  inner join (
    -- enough of them that none of the parts is missed
    select get_shard_id_for_distribution_column('public.leads', tried.id) as part, min(tried.id) as key
    from (
      select case
        when (
          select format_type(a.atttypid, null) from pg_catalog.pg_attribute as a
          where a.attrelid = 'public.leads'::regclass and a.attname = 'id'
        ) = 'uuid' then md5(n::text)::uuid::text
        else n::text
      end as id
      from generate_series(
        1, 40 * (
          select count(*) from pg_catalog.pg_dist_shard as own
          where own.logicalrelid = 'public.leads'::regclass
        )
      ) as n
    ) as tried
    group by 1
  ) as found on found.part = part.shardid
  cross join lateral (
    select jsonb_object_agg(
      own.logicalrelid::text, format('%s_%s', own.logicalrelid, own.shardid)
    ) as names
    from pg_catalog.pg_dist_shard as own
    inner join pg_catalog.pg_dist_partition as place on place.logicalrelid = own.logicalrelid
    where own.logicalrelid::text ~ '^(public|flowctl)[.]'
      and (
        place.partmethod = 'n'
        or (
          own.shardminvalue = part.shardminvalue
          and place.colocationid = (
            select leads.colocationid from pg_catalog.pg_dist_partition as leads
            where leads.logicalrelid = 'public.leads'::regclass
          )
        )
      )
  ) as beside
  where part.logicalrelid = 'public.leads'::regclass
  order by part.shardminvalue::integer;
end;
$$;

-- Runs a statement of a dispatcher, with its rights, on the node where it is called, in which the
-- names of one part's tables stand: no lock skips what is locked over several nodes, and one node
-- is asked once where all nodes would be asked for each step of the statement.
create or replace function flowctl.in_part(statement text) returns setof record
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  return query execute statement;
end;
$$;

-- The parts of a table that are on this node.
create or replace function flowctl.parts_here(place regclass) returns setof text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select format('%s_%s', shard.logicalrelid, shard.shardid)
  from pg_catalog.pg_dist_shard as shard
  inner join pg_catalog.pg_dist_placement as placement on placement.shardid = shard.shardid
  inner join pg_catalog.pg_dist_local_group as here on here.groupid = placement.groupid
  where shard.logicalrelid = place;
end;
$$;

-- As the routine of that name, for a message of this node.
create or replace function flowctl.is_lead_deleted(message_id uuid) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  part text;
  is_deleted boolean;
begin
  if row_security_active('public.leads') then
    return false;
  end if;
  for part in select flowctl.parts_here('public.message_logs') loop
    execute format(
      'select exists (select from %s as message where message.id = $1 '
      'and not exists (select from %s as lead where lead.id = message.lead_id))',
      part, flowctl.part_beside(part, 'public.leads')
    ) into is_deleted using message_id;
    if is_deleted then
      return true;
    end if;
  end loop;
  return false;
end;
$$;

-- Schedules new leads of one part of the leads beside them; `ids` is a list in JSON without its
-- brackets. A lead that was created just now is seen at its creation: two nodes' clocks differ.
create or replace function flowctl.schedule_part(part regclass, ids text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  execute format(
    $sql$
    with setting as materialized (
      select
        given.steps,
        case when $1 like '%%,%%' then flowctl.unscheduled_columns(given.steps) else '{}'
        end as without
      from (select flowctl.step_settings() as steps offset 0) as given
    ),
    lead as materialized (
      select
        added.id,
        to_jsonb(added) - setting.without as record,
        coalesce(added.created_at::timestamptz, now()) as created_at
      from %1$s as added
      cross join setting
      where added.id = any(array(
        select given.id::%3$s from jsonb_array_elements_text(('[' || $1 || ']')::jsonb) as given (id)
      ))
    ),
    due as materialized (
      select alike.record, alike.created_at, due.flow_step_id, due.scheduled_for
      from (select distinct lead.record, lead.created_at from lead) as alike
      cross join setting
      cross join lateral flowctl.lead_schedule(
        alike.record,
        alike.created_at,
        case
          when alike.created_at between now() - interval '10 seconds' and now() + interval '10 seconds'
            then alike.created_at
          else now()
        end,
        setting.steps
      ) as due
      where due.skipped is null
    )
    insert into %2$s
      (lead_id, flow_step_id, message_type, subject, content, format, scheduled_for, planned_for)
    select
      lead.id, step.id, step.type, step.subject, step.content,
      step.format, due.scheduled_for, due.scheduled_for
    from lead
    inner join due on due.record = lead.record and due.created_at = lead.created_at
    inner join public.flow_steps as step on step.id = due.flow_step_id
    on conflict do nothing
    $sql$,
    part,
    flowctl.part_beside(part, 'public.message_logs'),
    (
      select format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute as a
      where a.attrelid = part and a.attname = 'id'
    )
  ) using ids;
end;
$$;

-- A distributed table takes no transition tables. So a trigger for each row notes the new leads of
-- the statement in a setting of the transaction, and they are scheduled by the hundred, the rest at
-- the end of the statement, on the node where they are.
create or replace function public.auto_schedule_messages() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  list constant text := 'flowctl.new_leads_' || tg_relid;
  ids text := nullif(current_setting(list, true), '');
  missed text;
begin
  if tg_level = 'ROW' then
    ids := concat_ws(',', ids, to_json(new.id::text));
    if length(ids) < 40000 then
      perform set_config(list, ids, true);
      return null;
    end if;
  end if;
  if ids is null then
    return null;
  end if;
  perform set_config(list, '', true);
  begin
    perform flowctl.schedule_part(tg_relid, ids);
    return null;
  exception
    when serialization_failure then
      raise;
    when others then
      raise warning 'flowctl: scheduling lead by lead: %', sqlerrm;
  end;
  for missed in select one::text from jsonb_array_elements(('[' || ids || ']')::jsonb) as one loop
    begin
      perform flowctl.schedule_part(tg_relid, missed);
    exception
      when serialization_failure then
        raise;
      when others then
        raise warning 'flowctl: lead % is not scheduled: %', missed, sqlerrm;
    end;
  end loop;
  return null;
end;
$$;

-- As the routine of that name, for one message.
create or replace function flowctl.remember_address() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
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

-- Where dedupe_address is switched on: each node goes through the parts that it has.
create or replace function flowctl.remember_addresses() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  steps constant uuid[] := array(
    select step.id from public.flow_steps as step where step.flow = new.name
  );
  part text;
begin
  for part in select flowctl.parts_here('public.message_logs') loop
    perform flowctl.remember_sent(part, flowctl.part_beside(part, 'flowctl.sent_addresses'), steps);
  end loop;
  return null;
end;
$$;

-- For one lead what the trigger of the same name does for those of a statement.
create or replace function flowctl.reopen_messages() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform flowctl.reopen_changed(
    flowctl.part_beside(tg_relid, 'public.message_logs'),
    flowctl.part_beside(tg_relid, 'flowctl.stops'),
    array_agg(new.id),
    array_agg(changed.channel)
  )
  from unnest(flowctl.changed_channels(to_jsonb(old), to_jsonb(new))) as changed (channel)
  having count(*) > 0;
  return null;
exception
  when serialization_failure then
    raise;
  when others then
    raise warning 'flowctl: messages of a changed lead are not tried again: %', sqlerrm;
    return null;
end;
$$;

-- Functions are on every node. One that reads tables that are copied to every node, and no others,
-- reads the node's own copy, a plain table: so it may be called wherever a row is, and is as fast
-- as on one machine.
do $$
declare
  copies constant text := (
    select string_agg(part.logicalrelid::text, '|')
    from pg_catalog.pg_dist_partition as part
    where part.partmethod = 'n' and part.logicalrelid::text ~ '^(public|flowctl)[.]'
  );
  own record;
  copy record;
  definition text;
begin
  for own in
    select
      p.oid::regprocedure as signature,
      p.prosrc ~ format('\y(%s)\y', copies)
      and p.prosrc !~ '\y(from|join|using) (public|flowctl)[.](leads|message_logs|sends|stops)\y'
      and p.proname <> 'take_zones' as reads_copies
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'flowctl'::regnamespace
      or p.oid in (
        'public.auto_schedule_messages()'::regprocedure, 'public.unsubscribe(uuid)'::regprocedure
      )
      or (
        p.pronamespace = 'public'::regnamespace
        and p.proname in ('schedule_messages_for_lead', 'enroll_lead', 'message_schedule')
      )
  loop
    if own.reads_copies then
      definition := pg_get_functiondef(own.signature);
      for copy in
        select part.logicalrelid::text as name, part.logicalrelid::text || '_' || shard.shardid as place
        from pg_catalog.pg_dist_partition as part
        inner join pg_catalog.pg_dist_shard as shard on shard.logicalrelid = part.logicalrelid
        where part.partmethod = 'n'
      loop
        definition := regexp_replace(definition, format('\y%s\y', copy.name), copy.place, 'g');
      end loop;
      execute definition;
    end if;
    perform create_distributed_function(own.signature);
  end loop;
end;
$$;

-- They only read, and may be asked by a node within a statement that has begun elsewhere.
do $$
begin
  alter function flowctl.replanned(uuid[]) set citus.allow_nested_distributed_execution = on;
  alter function public.message_schedule set citus.allow_nested_distributed_execution = on;
end;
$$;

drop trigger if exists auto_schedule_messages on public.leads;

drop trigger if exists auto_schedule_noted on public.leads;

create trigger auto_schedule_messages after insert on public.leads
for each row execute function public.auto_schedule_messages();

create trigger auto_schedule_noted after insert on public.leads
for each statement execute function public.auto_schedule_messages();

drop trigger if exists remember_address on public.message_logs;

create trigger remember_address after update on public.message_logs
for each row when (new.status = 'sent' and old.status <> 'sent')
execute function flowctl.remember_address();

drop trigger if exists flowctl_reopen_messages on public.leads;

create trigger flowctl_reopen_messages after update on public.leads
for each row execute function flowctl.reopen_messages();

-- An insert would open a connection to a node for each part of the leads there, and each would load
-- the functions of the schedule first. A value that the database has already is left.
do $$
begin
  if not exists (
    select from pg_catalog.pg_db_role_setting as own
    cross join unnest(own.setconfig) as setting
    where own.setdatabase = (
        select d.oid from pg_catalog.pg_database as d where d.datname = current_database()
      )
      and own.setrole = 0
      and setting like 'citus.max_adaptive_executor_pool_size=%'
  ) then
    execute format(
      'alter database %I set citus.max_adaptive_executor_pool_size = 1', current_database()
    );
    insert into flowctl.adoptions (what, things) values (
      'connections of a statement to each node, set for this database '
      '(citus.max_adaptive_executor_pool_size)',
      1
    );
  end if;
end;
$$;
