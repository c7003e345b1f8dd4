-- Follows a change of the type of leads.id (the integers run out): the columns that point at it,
-- and the functions that take it, which are made anew after this.
do $$
declare
  id_type constant text := (
    select format_type(a.atttypid, a.atttypmod)
    from pg_catalog.pg_attribute as a
    where a.attrelid = 'public.leads'::regclass and a.attname = 'id'
  );
  -- the view of what is due names such a column, and is made again as it is
  free constant regclass := to_regclass('flowctl.free_messages');
  free_text constant text := pg_get_viewdef(free);
  free_comment constant text := obj_description(free, 'pg_class');
  free_rights constant aclitem[] := (
    select c.relacl from pg_catalog.pg_class as c where c.oid = free
  );
  own record;
begin
  for own in
    select c.oid::regclass as name
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attname = 'lead_id'
    where c.relkind = 'r'
      and (
        c.oid = 'public.message_logs'::regclass or c.relnamespace = 'flowctl'::regnamespace
      )
      and format_type(a.atttypid, a.atttypmod) <> id_type
  loop
    drop view if exists flowctl.free_messages;
    execute format('alter table %s alter column lead_id type %s', own.name, id_type);
  end loop;
  if free_text is not null and to_regclass('flowctl.free_messages') is null then
    execute 'create view flowctl.free_messages as ' || free_text;
    execute format('comment on view flowctl.free_messages is %L', free_comment);
    for own in
      select acl.grantee::regrole as role, acl.privilege_type as privilege
      from aclexplode(free_rights) as acl
      where acl.grantee <> 0
    loop
      execute format('grant %s on flowctl.free_messages to %s', own.privilege, own.role);
    end loop;
  end if;
  for own in
    select p.oid::regprocedure as signature
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
      and p.proname in ('schedule_messages_for_lead', 'enroll_lead', 'message_schedule')
      and format_type(p.proargtypes[0], null) <> id_type
  loop
    execute format('drop function %s', own.signature);
  end loop;
end;
$$;
