-- Whether the session is that of a dump being restored, by what every dump of pg_dump sets at its
-- top. Only who may act as the owner is believed: an insert from elsewhere must not stop sending.
create or replace function flowctl.is_restore() returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return current_setting('check_function_bodies') = 'off'
    and current_setting('row_security') = 'off'
    and current_setting('client_min_messages') = 'warning'
    and pg_has_role(session_user, current_user, 'member');
end;
$$;
