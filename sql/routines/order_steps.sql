-- Keeps step_order: 1, 2, 3 ... within a flow, by day, immediate ones first, then time of day, then
-- the order they were made in. step_place reckons a single step's place by the same key. It reads
-- and writes the table that it is called for: on several nodes each orders its own copy.
create or replace function flowctl.order_steps() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  misplaced uuid[];
  positions integer[];
begin
  execute format(
    'select array_agg(counted.id), array_agg(counted.number::integer)
    from (
      select step.id, step.step_order, row_number() over (
        partition by step.flow
        order by
          step.day,
          step.time_type <> ''immediately'',
          coalesce(
            case when step.time_type = ''specific'' then flowctl.time_of_day(step.time) end,
            ''24:00''
          ),
          step.position,
          step.created_at,
          step.id
      ) as number
      from %s as step
    ) as counted
    where counted.number <> counted.step_order',
    tg_relid::regclass
  ) into misplaced, positions;
  -- an update of no row would call this again, for ever
  if misplaced is not null then
    execute format(
      'update %s as step
      set step_order = moved.number
      from unnest($1, $2) as moved (id, number)
      where step.id = moved.id',
      tg_relid::regclass
    ) using misplaced, positions;
  end if;
  return null;
end;
$$;

drop trigger if exists order_steps on public.flow_steps;

create trigger order_steps after insert or update or delete on public.flow_steps
for each statement execute function flowctl.order_steps();

-- steps that were adopted: in their stored form, and counted
update public.flow_steps set step_order = 0 where step_order = 0;
