-- What must be so before `apply-schema --citus` changes anything.

do $$
begin
  if not exists (select from pg_catalog.pg_extension as own where own.extname = 'citus') then
    raise exception 'this database has no extension citus'
      using errcode = 'FC003',
      hint = 'on every node: create extension citus; then citus_add_node on the coordinator';
  end if;
  -- What it makes belongs to its owner on every node. A role that the nodes do not know from this
  -- database Citus would make there, which takes a superuser.
  if not exists (
    select from pg_catalog.pg_roles as own where own.rolname = current_user and own.rolsuper
  ) and not exists (
    select from pg_catalog.pg_dist_object as own
    where own.classid = 'pg_authid'::regclass
      and own.objid = (select r.oid from pg_catalog.pg_roles as r where r.rolname = current_user)
  ) then
    raise exception 'Citus does not know the role % in this database', current_user
      using errcode = 'FC003',
      hint = format(
        'as a superuser, here: create type public.known as (); alter type public.known owner to %I; '
        'drop type public.known;',
        current_user
      );
  end if;
end;
$$;

do $$
declare
  leads constant regclass := to_regclass('public.leads');
  hindrance text;
begin
  if to_regclass('flowctl.routines') is not null then
    if exists (select from flowctl.routines as own where own.name = 'citus') then
      return;
    end if;
  end if;
  -- What of a leads table that somebody else made cannot be had on several nodes.
  select found.what into hindrance
  from (
    select format('the unique index %s, which does not carry the id', own.indexrelid::regclass)
    from pg_catalog.pg_index as own
    where own.indrelid = leads and own.indisunique
      and not exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = own.indrelid and a.attname = 'id' and a.attnum = any(own.indkey)
      )
    union all
    select format('the foreign key %I of %s', key.conname, key.conrelid::regclass)
    from pg_catalog.pg_constraint as key
    where key.contype = 'f' and key.confrelid = leads
      and key.conrelid is distinct from to_regclass('public.message_logs')
      and (select c.relnamespace from pg_catalog.pg_class as c where c.oid = key.conrelid)
      is distinct from to_regnamespace('flowctl')
    union all
    select format('the policy %I, which has a subquery', own.polname)
    from pg_catalog.pg_policy as own
    where own.polrelid = leads
      and concat(own.polqual::text, own.polwithcheck::text) like '%{SUBLINK %'
    union all
    select format('the trigger %I, which has a transition table', own.tgname)
    from pg_catalog.pg_trigger as own
    where own.tgrelid = leads
      and coalesce(own.tgnewtable, own.tgoldtable) is not null
      and own.tgname not in ('auto_schedule_messages', 'flowctl_reopen_messages')
  ) as found (what)
  limit 1;
  if found then
    raise exception 'public.leads cannot be distributed: it has %', hindrance
      using errcode = 'FC003', hint = 'drop it first, or distribute the table yourself';
  end if;
end;
$$;
