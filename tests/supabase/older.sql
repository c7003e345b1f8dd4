-- A project of the older kind: whatever postgres makes in public is open to everybody.

alter default privileges for role postgres in schema public
grant all on tables to anon, authenticated, service_role;

alter default privileges for role postgres in schema public
grant all on sequences to anon, authenticated, service_role;

alter default privileges for role postgres in schema public
grant all on functions to anon, authenticated, service_role;
