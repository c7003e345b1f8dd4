-- When each of the given steps goes to a lead, seen from `seen_at`: the one place where a schedule
-- is computed. The trigger, schedule_messages_for_lead, enrolment and preview all ask here.
--
-- One row for each step; `skipped` says why a step is not scheduled, null for one that is. Days and
-- times of day are counted on the wall clock of the lead's zone.
create or replace function flowctl.lead_schedule(
  lead jsonb, created_at timestamptz, seen_at timestamptz, steps flowctl.step_setting[]
) returns table (
  flow_step_id uuid,
  flow text,
  key text,
  step_order integer,
  message_type text,
  subject text,
  content text,
  zone text,
  planned_for timestamptz,
  scheduled_for timestamptz,
  skipped text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  own_zone constant text := flowctl.zone_of(lead ->> 'timezone');
  -- a created_at of type date: a day on the wall clock of the zone, at no time of day
  created_on constant date := case
    when length(lead ->> 'created_at') = 10
      and lead ->> 'created_at' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
      then (lead ->> 'created_at')::date
  end;
  -- a creation time that is missing, or further ahead than clients can read, counts as now; one
  -- further back than they can read is the earliest that they can
  created constant timestamptz := case
    when created_at < '9900-01-01 00:00+00' then greatest(created_at, '0001-01-03 00:00+00')
    else seen_at
  end;
  earliest constant timestamptz := greatest(created, seen_at);
  step flowctl.step_setting;
  -- the clock of `zone`, as flowctl.zones has it: asked for once, not through local_time
  walls timestamp[];
  offsets interval[];
  repeats_from timestamp;
  creation timestamp;
  present timestamp;
  planned timestamp;
begin
  foreach step in array coalesce(steps, '{}') loop
    if zone is distinct from coalesce(own_zone, step.zone) then
      zone := coalesce(own_zone, step.zone);
      select
        rule.walls, rule.offsets, rule.repeats_from at time zone 'UTC',
        (created at time zone 'UTC') + rule.offsets[width_bucket(created, rule.instants)],
        (seen_at at time zone 'UTC') + rule.offsets[width_bucket(seen_at, rule.instants)]
      into walls, offsets, repeats_from, creation, present
      from flowctl.zones as rule
      where rule.name = lead_schedule.zone;
      if earliest >= repeats_from at time zone 'UTC' then
        creation := flowctl.local_time(created, zone);
        present := flowctl.local_time(seen_at, zone);
      end if;
      creation := case
        when created_on is null then creation
        when created_on = present::date then present
        else created_on
      end;
    end if;
    planned := case
      when step.time_of_day is not null then creation::date + step.day + step.time_of_day
      else creation + step.day * interval '1 day'
    end;
    planned_for := case
      when step.time_of_day is null and step.day = 0 and created_on is null then created
      when planned < repeats_from
        then (planned - offsets[width_bucket(planned, walls)]) at time zone 'UTC'
      else flowctl.instant_of(planned, zone)
    end;
    scheduled_for := greatest(planned_for, earliest);
    if step.opens is not null then
      scheduled_for := flowctl.window_edge(
        scheduled_for, zone, step.opens, step.closes, step.weekdays, true
      );
    end if;
    skipped := case
      when step.skipped is not null then step.skipped
      when not coalesce(lead @> step.audience, true) then 'lead is not in the audience'
      when planned_for < seen_at - interval '24 hours'
        and creation::date + step.day < present::date then 'its date has passed for this lead'
    end;
    flow_step_id := step.id;
    flow := step.flow;
    key := step.key;
    step_order := step.step_order;
    message_type := step.type;
    subject := step.subject;
    content := step.content;
    return next;
  end loop;
end;
$$;
