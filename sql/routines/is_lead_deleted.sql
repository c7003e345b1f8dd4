-- Whether the lead of a message is gone, which a foreign key that was not enforced can
-- leave (a restore, replication). False also where policies keep this function's owner from seeing
-- every lead: then nobody knows.
create or replace function flowctl.is_lead_deleted(message_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select not row_security_active('public.leads') and not exists (
    select from public.message_logs as message
    inner join public.leads as lead on lead.id = message.lead_id
    where message.id = message_id
  );
$$;
