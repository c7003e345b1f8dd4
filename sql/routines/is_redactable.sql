-- Whether a message is over and says more than one that was redacted.
create or replace function flowctl.is_redactable(
  status text, subject text, content text, recipient text, error_message text
) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return status <> 'pending' and (
    subject is not null
    or content <> ''
    or (status <> 'sent' and recipient is not null)
    or error_message is distinct from flowctl.redacted(error_message)
  );
end;
$$;
