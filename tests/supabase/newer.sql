-- A project of the newer kind: of what the older one grants, the rights that the API uses are taken
-- back. TRUNCATE, REFERENCES, TRIGGER and, from PostgreSQL 17 on, MAINTAIN stay.

alter default privileges for role postgres in schema public
revoke select, insert, update, delete on tables from anon, authenticated, service_role;

alter default privileges for role postgres in schema public
revoke usage, select on sequences from anon, authenticated, service_role;

alter default privileges for role postgres in schema public
revoke execute on functions from anon, authenticated, service_role;
