-- Whether the role of the session may read every row of message_logs: for functions that run with
-- their owner's rights and answer only those who could ask the table itself. A policy that shows
-- some rows only is no such right.
create or replace function flowctl.may_read_messages() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select has_table_privilege(caller.oid, logs.oid, 'select') and (
    caller.rolsuper
    or caller.rolbypassrls
    or pg_has_role(caller.oid, logs.relowner, 'usage')
    or (
      select coalesce(bool_or(policy.polpermissive and case policy.polname
          -- as the policy itself says it
          when 'flowctl_staff' then (
            nullif(current_setting('request.jwt.claims', true), '')::jsonb
            -> 'app_metadata' ->> 'flowctl'
          ) = 'staff'
          else pg_get_expr(policy.polqual, policy.polrelid) = 'true'
        end) and bool_and(policy.polpermissive), false)
      from pg_policy as policy
      where policy.polrelid = logs.oid and policy.polcmd in ('r', '*')
        and exists (
          select from unnest(policy.polroles) as member (id)
          where member.id = 0 or pg_has_role(caller.oid, member.id, 'usage')
        )
    )
  )
  from pg_class as logs
  inner join pg_roles as caller
    -- `set role` outlives the change to a function's owner
    on caller.rolname = coalesce(nullif(current_setting('role'), 'none'), session_user)
  where logs.oid = 'public.message_logs'::regclass;
$$;
