-- What steers dispatch, as columns: the planned time, why a message is over, whether it may have
-- gone out, and a flow's pause. What `error_message` says is for people alone.

alter table public.flows
add column if not exists paused_at timestamptz;

comment on column public.flows.paused_at is
'Since when messages of the flow that come due wait; new leads are scheduled as ever.';

alter table public.message_logs
add column if not exists planned_for timestamptz,
add column if not exists is_unknown boolean not null default false,
add column if not exists cause text,
add column if not exists delivery_code text;

comment on column public.message_logs.planned_for is
'The time that the schedule gave, its send window included. A window or gap met at the claim, a
pause and a retry move scheduled_for or due_at, never this; expire_after counts from here.';

comment on column public.message_logs.is_unknown is
'It may have been accepted: it was handed over, the answer is not known. Never sent again unasked.';

comment on column public.message_logs.cause is
'Why a message is cancelled or failed, as one word for programs; error_message says it to people.
Null: none of these, or it is not over. More may be added:
off (step or flow), step_deleted, lead_deleted, exit_rule, expired, suppressed, duplicate (already
sent to the address through another lead), no_address, bad_address, by_hand, stopped (the lead),
paused (missed in a pause), replied.';

comment on column public.message_logs.delivery_code is
'The provider''s code for delivery_status, where it gave one.';

-- What the words said until now. The table is written anew: once, without its triggers and without
-- dead rows. The trigger that fills planned_for comes after this; where it is, this was done.
do $$
begin
  if not exists (
    select from pg_catalog.pg_trigger as t
    where t.tgrelid = 'public.message_logs'::regclass and t.tgname = 'plan_message'
  ) then
    alter table public.message_logs
    alter column planned_for type timestamptz using coalesce(planned_for, scheduled_for),
    alter column is_unknown type boolean using is_unknown or (
      status in ('pending', 'failed') and coalesce(error_message, '') like 'unknown outcome%'
    ),
    alter column cause type text using case
      when cause is not null or status not in ('cancelled', 'failed') then cause
      when error_message in ('step is off', 'flow is off') then 'off'
      when error_message = 'step was deleted' then 'step_deleted'
      when error_message = 'lead left the flow (exit_when)' then 'exit_rule'
      when error_message like 'expired: more than %' then 'expired'
      when error_message = 'recipient is suppressed' then 'suppressed'
      when error_message like 'already sent to this address %' then 'duplicate'
      when error_message in ('lead has no email', 'lead has no phone') then 'no_address'
      when error_message = 'cancelled by hand' then 'by_hand'
    end;
  end if;
end;
$$;

do $$
begin
  if not exists (
    select from pg_catalog.pg_constraint as c
    where c.conrelid = 'public.message_logs'::regclass and c.conname = 'message_logs_cause'
  ) then
    alter table public.message_logs
    add constraint message_logs_cause check (cause ~ '^[a-z]+(_[a-z]+)*$');
  end if;
end;
$$;

-- Pending messages that nothing holds but their time: no claim, no send under way, no pause of
-- their flow. One of them is due when its due_at has come; no other statement says what is due.
-- `place` is for locking the row. A message without a step is in no flow.
do $$
begin
  -- 0029_free_messages_lead has given it the lead, which this text would take away
  if to_regclass('flowctl.free_messages') is not null then
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
    and not exists (select from flowctl.sends as send where send.message_id = message.id)
    -- the list is made once, and is nearly always empty; written so that the planner expects to keep
    -- half of the messages, and walks the index in order
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

comment on view flowctl.free_messages is
'Pending messages that nothing holds but their time; those whose due_at has come are due.';
