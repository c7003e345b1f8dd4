-- The roles of a Supabase project. They belong to the server: every project on it shares them.

create role supabase_admin superuser createdb createrole replication bypassrls login;
create role postgres nosuperuser createdb createrole replication bypassrls login;
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator noinherit login;
create role supabase_auth_admin noinherit createrole login;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, pg_monitor, pg_signal_backend to postgres;

do $$
begin
  if to_regrole('pg_read_all_data') is not null then  -- from PostgreSQL 14
    grant pg_read_all_data to postgres;
  end if;
end;
$$;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
