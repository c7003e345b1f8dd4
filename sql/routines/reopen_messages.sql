-- The channels on which a lead has an address that it did not have before.
create or replace function flowctl.changed_channels(former jsonb, present jsonb) returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select array(
    select address.channel
    from (values ('email', 'email'), ('text', 'phone')) as address (channel, name)
    where btrim(present ->> address.name) <> ''
      and present ->> address.name is distinct from former ->> address.name
  )
$$;

-- Messages whose lead had no usable address are pending again when it has changed, where their
-- time is over by no more than a day (or the flow's expire_after), unless their lead is stopped.
-- Whether it is good now is found when they are claimed. `lead_ids` and `channels` are pairs.
create or replace function flowctl.reopen_changed(
  messages regclass, stops regclass, lead_ids anyarray, channels text[]
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  execute format(
    $sql$
    update %s as message
    set
      status = 'pending',
      error_message = format(
        'tried again: the lead''s %%s has changed',
        case changed.channel when 'email' then 'email' else 'phone' end
      ),
      cause = null,
      recipient = null,
      attempts = 0,
      retry_at = null,
      claimed_by = null,
      lease_until = null
    from unnest($1, $2) as changed (lead_id, channel)
    where message.lead_id = changed.lead_id
      and message.message_type = changed.channel
      and message.cause in ('no_address', 'bad_address')
      and message.status in ('failed', 'cancelled')
      and now() <= message.planned_for + coalesce((
        select flow.expire_after
        from public.flow_steps as step
        inner join public.flows as flow on flow.name = step.flow
        where step.id = message.flow_step_id
      ), interval '1 day')
      and not exists (
        select from %s as stop
        where stop.lead_id = message.lead_id
          and (stop.flow is null or stop.flow = (
            select step.flow from public.flow_steps as step where step.id = message.flow_step_id
          ))
      )
    $sql$,
    messages, stops
  ) using lead_ids, channels;
end;
$$;

-- Of the leads that a statement has changed. An update of a lead never fails because of this.
create or replace function flowctl.reopen_messages() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform flowctl.reopen_changed(
    'public.message_logs', 'flowctl.stops', changed.lead_ids, changed.channels
  )
  from (
    with waiting as materialized (
      select lead.id, to_jsonb(lead) as lead
      from new_leads as lead
      where exists (
        select from public.message_logs as message
        where message.lead_id = lead.id and message.cause in ('no_address', 'bad_address')
      )
    )
    select array_agg(waiting.id) as lead_ids, array_agg(own.channel) as channels
    from waiting
    inner join old_leads as former on former.id = waiting.id
    cross join lateral
      unnest(flowctl.changed_channels(to_jsonb(former), waiting.lead)) as own (channel)
  ) as changed
  where changed.lead_ids is not null;
  return null;
exception
  when serialization_failure then
    raise;
  when others then
    raise warning 'flowctl: messages of changed leads are not tried again: %', sqlerrm;
    return null;
end;
$$;

-- Where the leads are distributed sql/citus.sql makes one that works row by row.
do $$
begin
  -- On a leads table of another role the right to make a trigger is not the right to drop one.
  if not flowctl.is_distributed() and not exists (
    select from pg_catalog.pg_trigger as t
    where t.tgrelid = 'public.leads'::regclass and t.tgname = 'flowctl_reopen_messages'
      and t.tgfoid = 'flowctl.reopen_messages()'::regprocedure
  ) then
    create trigger flowctl_reopen_messages
    after update on public.leads
    referencing old table as old_leads new table as new_leads
    for each statement execute function flowctl.reopen_messages();
  end if;
end;
$$;
