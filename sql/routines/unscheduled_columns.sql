-- The columns of leads on which no schedule depends: all but those that lead_schedule reads, and
-- those that the audience of one of the steps names.
create or replace function flowctl.unscheduled_columns(steps flowctl.step_setting[])
returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(array_agg(present.attname::text), '{}')
    from pg_attribute as present
    where present.attrelid = 'public.leads'::regclass
      and present.attnum > 0
      and not present.attisdropped
      and present.attname <> all (array['timezone', 'created_at'])
      and not exists (
        select from unnest(steps) as step where step.audience ? present.attname::text
      )
  );
end;
$$;
