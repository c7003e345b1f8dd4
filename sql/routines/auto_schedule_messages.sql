-- Schedules every message of the leads of one statement, in their own transaction. A lead is never
-- refused because of a flow: if a step goes away meanwhile, the set is tried again without it;
-- should it fail for another reason, each lead is tried by itself, and one that cannot be scheduled
-- is left to a warning.
create or replace function public.auto_schedule_messages() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  added_leads constant bigint := (select count(*) from new_leads);
  missed record;
begin
  -- what a dump brings is no new lead: its messages come with it, or nothing is known of them
  if flowctl.is_restore() then
    insert into flowctl.identity (is_restore)
    select true
    where added_leads > 0
      and not exists (select from flowctl.identity as own where own.is_restore);
    return null;
  end if;
  for attempt in 1..3 loop
    begin
      -- One statement, and so one view of the steps. Of one lead it looks for no others like it.
      if added_leads = 1 then
        insert into public.message_logs
          (lead_id, flow_step_id, message_type, subject, content, format, scheduled_for, planned_for)
        select
          lead.id, step.id, step.type, step.subject, step.content,
          step.format, due.scheduled_for, due.scheduled_for
        from (
          select
            added.id,
            -- as below
            coalesce(to_jsonb(present), to_jsonb(added)) as record,
            coalesce(coalesce(present.created_at, added.created_at)::timestamptz, now())
              as created_at
          from new_leads as added
          left join lateral (
            select own.* from public.leads as own where own.id = added.id offset 0
          ) as present on true
        ) as lead
        cross join lateral flowctl.lead_schedule(
          lead.record, lead.created_at, now(), flowctl.step_settings()
        ) as due
        inner join public.flow_steps as step on step.id = due.flow_step_id
        where due.skipped is null;
        return null;
      end if;
      -- Leads alike in all that a schedule depends on have the same one, which is computed once.
      with setting as materialized (
        select given.steps, flowctl.unscheduled_columns(given.steps) as without
        from (select flowctl.step_settings() as steps offset 0) as given
      ),
      lead as materialized (
        select
          added.id,
          -- as it is now: a trigger of the user's may have changed it after it was inserted. Where
          -- policies hide it, as it was inserted.
          coalesce(to_jsonb(present), to_jsonb(added)) - setting.without as record,
          coalesce(coalesce(present.created_at, added.created_at)::timestamptz, now()) as created_at
        from new_leads as added
        -- offset 0: by the index, since the plan is kept for later statements of a lead or of many
        left join lateral (
          select own.* from public.leads as own where own.id = added.id offset 0
        ) as present on true
        cross join setting
      ),
      due as materialized (
        select alike.record, alike.created_at, due.flow_step_id, due.scheduled_for
        from (select distinct lead.record, lead.created_at from lead) as alike
        cross join setting
        cross join lateral
          flowctl.lead_schedule(alike.record, alike.created_at, now(), setting.steps) as due
        where due.skipped is null
      )
      insert into public.message_logs
        (lead_id, flow_step_id, message_type, subject, content, format, scheduled_for, planned_for)
      select
        lead.id, step.id, step.type, step.subject, step.content,
        step.format, due.scheduled_for, due.scheduled_for
      from lead
      inner join due on due.record = lead.record and due.created_at = lead.created_at
      inner join public.flow_steps as step on step.id = due.flow_step_id;
      return null;
    exception
      when foreign_key_violation or deadlock_detected then
        raise warning 'flowctl: scheduling again: %', sqlerrm;
      when serialization_failure then
        raise;
      when others then
        raise warning 'flowctl: scheduling lead by lead: %', sqlerrm;
        exit;
    end;
  end loop;
  for missed in select lead.id from new_leads as lead loop
    begin
      perform flowctl.schedule_leads(array[missed.id]);
    exception
      when serialization_failure then
        raise;
      when others then
        raise warning 'flowctl: lead % is not scheduled: %', missed.id, sqlerrm;
    end;
  end loop;
  return null;
end;
$$;

-- Where the leads are distributed sql/citus.sql makes one that works row by row.
do $$
begin
  -- On a leads table of another role the right to make a trigger is not the right to drop one.
  if not flowctl.is_distributed() and not exists (
    select from pg_catalog.pg_trigger as t
    where t.tgrelid = 'public.leads'::regclass and t.tgname = 'auto_schedule_messages'
      and t.tgfoid = 'public.auto_schedule_messages()'::regprocedure
      and t.tgnewtable = 'new_leads'
  ) then
    drop trigger if exists auto_schedule_messages on public.leads;
    create trigger auto_schedule_messages
    after insert on public.leads
    referencing new table as new_leads
    for each statement execute function public.auto_schedule_messages();
  end if;
end;
$$;
