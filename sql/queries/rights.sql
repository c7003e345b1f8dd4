-- Who may do more than the product lets them, and the SQL that takes it back.

-- name: wide_grants
-- Rights of PUBLIC and of the roles of an API beyond what the product gives them, and what takes
-- them back.
with api_role as (
  select 0::oid as id, 'public' as name
  union all
  select role.oid, role.rolname::text
  from pg_catalog.pg_roles as role
  where role.rolname in ('anon', 'authenticated', 'service_role')
),
own as (
  select
    class.oid as id,
    class.relname,
    class.relowner as owner,
    class.relacl as acl,
    format('%%I.%%I', space.nspname, class.relname) as name
  from pg_catalog.pg_class as class
  inner join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
  where class.relkind in ('r', 'p', 'v', 'm', 'S')
    and (
      space.nspname = 'flowctl'
      or (
        space.nspname = 'public'
        and class.relname in ('flows', 'flow_steps', 'message_logs', 'suppressions')
      )
    )
),
given as (
  select own.name, own.relname, own.owner, entry.grantee, entry.privilege_type as privilege,
    '' as part
  from own
  cross join lateral aclexplode(own.acl) as entry
  union all
  select own.name, own.relname, own.owner, entry.grantee, entry.privilege_type,
    format(' (%%I)', attribute.attname)
  from own
  inner join pg_catalog.pg_attribute as attribute on attribute.attrelid = own.id
  cross join lateral aclexplode(attribute.attacl) as entry
  union all
  select 'schema flowctl', '', space.nspowner, entry.grantee, entry.privilege_type, ''
  from pg_catalog.pg_namespace as space
  cross join lateral aclexplode(space.nspacl) as entry
  where space.nspname = 'flowctl'
),
beyond as (
  select given.name, api_role.name as role, lower(given.privilege) || given.part as privilege
  from given
  inner join api_role on api_role.id = given.grantee
  where given.grantee <> given.owner
    and not coalesce(
      case api_role.name
        when 'service_role' then
          given.relname in ('flows', 'flow_steps', 'message_logs', 'suppressions')
          and given.privilege in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
        when 'authenticated' then
          (
            given.relname in ('flows', 'flow_steps')
            and given.privilege in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
          )
          or (
            given.relname in ('message_logs', 'suppressions')
            and given.privilege = 'SELECT'
          )
      end,
      false
    )
)
select
  format('%%s may %%s on %%s', beyond.role, string_agg(beyond.privilege, ', '), beyond.name)
    as what,
  format(
    'revoke %%s on %%s from %%s;',
    string_agg(beyond.privilege, ', '), beyond.name,
    case when beyond.role = 'public' then beyond.role else quote_ident(beyond.role) end
  ) as cure
from beyond
group by beyond.role, beyond.name
order by beyond.role, beyond.name;

-- name: wide_functions
-- Functions that somebody may call beyond what the product allows, or whose search_path is open.
with own as (
  select
    function.proname,
    function.proowner,
    function.proconfig,
    function.oid::regprocedure::text as signature,
    coalesce(function.proacl, acldefault('f', function.proowner)) as acl
  from pg_catalog.pg_proc as function
  inner join pg_catalog.pg_namespace as space on space.oid = function.pronamespace
  where space.nspname = 'flowctl'
    or (
      space.nspname = 'public'
      and function.proname in (
        'auto_schedule_messages', 'enroll_lead', 'message_schedule', 'schedule_messages_for_lead',
        'unsubscribe'
      )
    )
)
select
  format('%%s may call %%s', caller.name, own.signature) as what,
  format('revoke execute on function %%s from %%I;', own.signature, caller.name) as cure
from own
cross join lateral aclexplode(own.acl) as entry
inner join lateral (
  select role.rolname::text as name
  from pg_catalog.pg_roles as role
  where role.oid = entry.grantee and role.rolname in ('anon', 'authenticated', 'service_role')
) as caller on true
where entry.grantee <> own.proowner
  and not (
    caller.name = 'service_role'
    and own.proname in ('enroll_lead', 'message_schedule', 'schedule_messages_for_lead')
  )
  and not (caller.name = 'authenticated' and own.proname = 'message_schedule')
  -- its owner may let others call it: the id of a message is the secret
  and own.proname <> 'unsubscribe'
union all
select
  format('everybody may call %%s', own.signature),
  format('revoke execute on function %%s from public;', own.signature)
from own
cross join lateral aclexplode(own.acl) as entry
where entry.grantee = 0
union all
select
  format('%%s has no fixed search_path', own.signature),
  format('alter function %%s set search_path = pg_catalog, pg_temp;', own.signature)
from own
where not exists (
  select from unnest(own.proconfig) as setting (line) where setting.line like 'search_path=%%'
)
order by what;

-- name: wide_policies
-- Tables of ours without row-level security, and policies that let in more than ours do.
with own as (
  select class.oid as id, class.relrowsecurity as is_guarded, class.oid::regclass::text as name
  from pg_catalog.pg_class as class
  inner join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
  where class.relkind in ('r', 'p')
    and (
      space.nspname = 'flowctl'
      or (
        space.nspname = 'public'
        and (
          class.relname in ('flows', 'flow_steps', 'message_logs', 'suppressions')
          or (
            class.relname = 'leads'
            and obj_description(class.oid, 'pg_class') = 'Who is to be messaged.'
          )
        )
      )
    )
)
select
  format('row-level security is off on %%s', own.name) as what,
  format('alter table %%s enable row level security;', own.name) as cure
from own
where not own.is_guarded
union all
select
  format('policy %%I on %%s lets in %%s', policy.polname, own.name, readers.names),
  format('drop policy %%I on %%s;', policy.polname, own.name)
from own
inner join pg_catalog.pg_policy as policy on policy.polrelid = own.id and policy.polpermissive
cross join lateral (
  select string_agg(coalesce(role.rolname::text, 'public'), ', ' order by role.rolname) as names
  from unnest(policy.polroles) as member (id)
  left join pg_catalog.pg_roles as role on role.oid = member.id
  where member.id = 0 or role.rolname in ('anon', 'authenticated')
) as readers
where readers.names is not null
  and own.name !~ '(^|\.)leads$'
  and not (
    policy.polname = 'flowctl_staff'
    and pg_get_expr(policy.polqual, policy.polrelid) like '%%app_metadata%%flowctl%%staff%%'
  )
order by what;

-- name: open_leads
-- What everybody on an API may do with leads, for want of row-level security.
select
  format(
    '%%s may %%s on public.leads', coalesce(role.rolname, 'public'),
    string_agg(lower(entry.privilege_type), ', ' order by entry.privilege_type)
  ) as what,
  format(
    'revoke %%s on public.leads from %%s;',
    string_agg(lower(entry.privilege_type), ', ' order by entry.privilege_type),
    coalesce(quote_ident(role.rolname), 'public')
  ) as cure
from pg_catalog.pg_class as class
cross join lateral aclexplode(class.relacl) as entry
left join pg_catalog.pg_roles as role on role.oid = entry.grantee
where class.oid = 'public.leads'::regclass
  and (entry.grantee = 0 or role.rolname in ('anon', 'authenticated'))
  and (
    entry.privilege_type = 'TRUNCATE'
    or (
      not class.relrowsecurity
      and entry.privilege_type in ('SELECT', 'UPDATE', 'DELETE')
    )
  )
group by role.rolname
order by what;
