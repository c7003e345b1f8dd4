-- Brings a step to the form it is stored in, and refuses one that could not be scheduled. Only a
-- step that is off may lack its time, subject or content: a draft. Its step_order is the place it
-- has among the steps that are there, whatever was given, so that `returning` gives the true one;
-- order_steps then moves the others.
create or replace function flowctl.check_step() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  label text;
begin
  new.time_type := coalesce(
    new.time_type, case when btrim(new.time) <> '' then 'specific' else 'immediately' end
  );
  new.time := coalesce(flowctl.clock_text(flowctl.time_of_day(new.time)), nullif(btrim(new.time), ''));
  new.day := coalesce(new.day, 0);
  if tg_op = 'INSERT' and new.position = 0 then
    new.position := (
      select coalesce(max(step.position), 0) + 1
      from public.flow_steps as step where step.flow = new.flow
    );
  end if;
  new.step_order := flowctl.step_place(new);
  label := format('flow "%s": step ', new.flow) || coalesce(
    '"' || new.key || '"',
    format('%s (%s)', case tg_op when 'UPDATE' then old.step_order else new.step_order end, new.type)
  );
  if new.enabled and new.time_type = 'specific' and flowctl.time_of_day(new.time) is null then
    raise exception '%: time: % is not a time of day', label, coalesce('"' || new.time || '"', 'null')
      using errcode = 'check_violation', hint = 'write it like 9:00 AM';
  end if;
  if new.enabled and coalesce(btrim(new.content, e' \t\r\n'), '') = '' then
    raise exception '%: content is empty', label using errcode = 'check_violation';
  end if;
  if new.enabled and new.type = 'email' and coalesce(btrim(new.subject, e' \t\r\n'), '') = '' then
    raise exception '%: an email needs a subject', label using errcode = 'check_violation';
  end if;
  if tg_op = 'UPDATE'
    and (new.flow, new.key, new.type, new.subject, new.content, new.format, new.day, new.time,
      new.time_type, new.enabled) is distinct from (old.flow, old.key, old.type, old.subject,
      old.content, old.format, old.day, old.time, old.time_type, old.enabled)
  then
    new.updated_at := now();
  end if;
  return new;
end;
$$;

drop trigger if exists check_step on public.flow_steps;

create trigger check_step before insert or update on public.flow_steps
for each row execute function flowctl.check_step();
