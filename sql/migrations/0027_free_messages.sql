-- Whether a message is being sent is looked up for each by itself: flowctl.sends, which grows and
-- empties within seconds, has no statistics that are right for long, and a planner that believes
-- them sorts all that is due instead of walking the index in order.
do $$
begin
  -- where the tables are distributed, sql/citus.sql has its own
  if exists (
    select from pg_catalog.pg_attribute as a
    where a.attrelid = 'flowctl.free_messages'::regclass and a.attname = 'lead_id'
  ) then
    return;
  end if;
  create or replace view flowctl.free_messages as
  select
    message.ctid as place,
    message.id,
    message.message_type,
    message.flow_step_id,
    message.due_at
  from public.message_logs as message
  where message.status = 'pending'
    and (message.lease_until is null or message.lease_until < now())
    and not exists (
      select from flowctl.sends as send where send.message_id = message.id offset 0
    )
    -- the list is made once, and is nearly always empty; written so that the planner expects to
    -- keep half of the messages, and walks the index in order
    and coalesce(
      message.flow_step_id <> all(array(
        select step.id
        from public.flow_steps as step
        inner join public.flows as flow on flow.name = step.flow
        where flow.paused_at is not null
      )),
      true
    );
end;
$$;
