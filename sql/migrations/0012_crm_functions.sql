-- The functions for a CRM's page are the routines' to make: here is only looked for what would be
-- in their way.
do $$
declare
  other text;
begin
  select p.proname into other
  from pg_catalog.pg_proc as p
  inner join (values
    ('enroll_lead', 'integer'::regtype), ('message_schedule', 'record'::regtype)
  ) as own (name, result) on own.name = p.proname
  where p.pronamespace = 'public'::regnamespace
    and not (
      pg_has_role(current_user, p.proowner, 'usage')
      and p.prorettype = own.result
      and p.proargnames[1] = 'lead_id'
    )
  limit 1;
  if found then
    raise exception 'there is another function public.%', other
      using errcode = 'FC003', hint = 'rename it, or move it to another schema';
  end if;
end;
$$;
