-- Whether a delivery status means that nobody got the message: Twilio's words for a text, and ours
-- for an email that came back. Null, which is nothing known, is not.
create or replace function flowctl.is_undelivered(delivery_status text) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    delivery_status in ('failed', 'undelivered', 'canceled', 'bounced', 'refused'), false
  );
$$;
