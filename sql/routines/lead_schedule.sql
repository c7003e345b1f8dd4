-- When each of the given steps goes to a lead, seen from `seen_at`: the one place where a schedule
-- is computed. The trigger, schedule_messages_for_lead, enrolment and preview all ask here.
--
-- One row for each step; `skipped` says why a step is not scheduled, null for one that is. Days and
-- times of day are counted on the wall clock of the lead's zone: a time that a clock change skips
-- moves forward by the gap, one that it repeats is the later, as `at time zone` reads both.
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
  own_zone constant text := flowctl.known_zone(lead ->> 'timezone');
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
begin
  return query
  select
    step.id,
    step.flow,
    step.key,
    step.step_order,
    step.type,
    step.subject,
    step.content,
    place.zone,
    plan.moment,
    case
      when step.opens is null then greatest(plan.moment, earliest)
      else flowctl.window_edge(
        greatest(plan.moment, earliest), place.zone, step.opens, step.closes, step.weekdays, true
      )
    end,
    case
      when step.skipped is not null then step.skipped
      when not coalesce(lead @> step.audience, true) then 'lead is not in the audience'
      when plan.moment < seen_at - interval '24 hours'
        and wall.creation::date + step.day < wall.today then 'its date has passed for this lead'
    end
  from unnest(steps) as step
  -- The colon, as in POSIX, says that a zone's name follows: CET alone would be the abbreviation,
  -- one hour east of UTC in summer too.
  cross join lateral (
    select coalesce(own_zone, step.zone) as zone, ':' || coalesce(own_zone, step.zone) as clock
  ) as place
  cross join lateral (
    select created at time zone place.clock as creation, seen_at at time zone place.clock as present
  ) as reading
  cross join lateral (
    select
      case
        when created_on is null then reading.creation
        when created_on = reading.present::date then reading.present
        else created_on
      end as creation,
      reading.present::date as today
  ) as wall
  cross join lateral (
    select case
      when step.time_of_day is not null
        then (wall.creation::date + step.day + step.time_of_day) at time zone place.clock
      when step.day = 0 and created_on is null then created
      else (wall.creation + step.day * interval '1 day') at time zone place.clock
    end as moment
    -- reckoned once, not wherever it is used
    offset 0
  ) as plan;
end;
$$;
