-- A month of two flows for the picture of the report, the same whenever and wherever this is run.
-- Its clock stands at noon of 12 November 2026; a search_path with `still` before pg_catalog asks it.
create schema still;
create function still.now() returns timestamptz language sql immutable
as $$ select timestamptz '2026-11-12 12:00+00' $$;

insert into flows (name, paused_at) values
('nurture', null), ('webinar', timestamptz '2026-11-10 09:00+00');

insert into flow_steps (flow, key, type, day, time, subject, content) values
('nurture', 'welcome', 'email', 0, null, 'Welcome, {{ first_name | default: "friend" }}', 'Hello'),
('nurture', 'follow-up', 'text', 1, '9:00 AM', null, 'Hi {{ first_name }}, any question? Reply!'),
('nurture', 'story', 'email', 3, '10:00 AM', 'How Ada planned a season in an evening', 'Read on'),
('nurture', 'offer', 'email', 7, '10:00 AM', 'Your first month is on us', 'Take it'),
('nurture', 'last-call', 'text', 10, '4:00 PM', null, '{{ first_name }}, your free month ends Friday.'),
('webinar', 'invite', 'email', 0, null, 'You are invited', 'Come'),
('webinar', 'reminder', 'text', 2, '8:30 AM', null, 'It starts at 10. See you there!');

-- what the triggers do reads the real clock
alter table leads disable trigger user;
alter table message_logs disable trigger user;
insert into leads (id, email, phone, created_at)
select
  ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
  'lead' || n || '@example.com',
  '+1415555' || lpad(n::text, 4, '0'),
  still.now() - n * n % 41 * interval '1 day' - n * 7 % 10 * interval '1 hour'
from generate_series(1, 400) as n;

-- of 100 messages of a step `chance` is another number each: what became of it
with planned as (
  select
    lead.id as lead_id,
    step.*,
    (right(lead.id::text, 6)::integer * 37 + step.step_order * 53) % 100 as chance,
    case
      when step.time is null then lead.created_at
      else (
        (lead.created_at at time zone 'UTC')::date + step.day + step.time::time
      ) at time zone 'UTC'
    end as scheduled_for
  from leads as lead
  cross join flow_steps as step
  where step.flow = 'nurture' or right(lead.id::text, 1) in ('3', '7')
),
judged as (
  select
    planned.*,
    case
      when planned.scheduled_for > still.now() then 'pending'
      when planned.flow = 'webinar' and planned.scheduled_for > '2026-11-10 09:00+00' then 'pending'
      when planned.chance < 2 then 'failed'
      when planned.chance < 4 + 2 * planned.step_order then 'cancelled'
      else 'sent'
    end as status
  from planned
)
insert into message_logs (
  lead_id, flow_step_id, message_type, subject, content, status, scheduled_for, planned_for, sent_at,
  error_message, delivery_status
)
select
  lead_id, id, type, subject, content, status, scheduled_for, scheduled_for,
  case when status = 'sent' then scheduled_for end,
  case
    when status = 'cancelled' then 'lead left the flow (exit_when)'
    when status = 'failed' and type = 'text' then '21614: not a mobile number'
    when status = 'failed' and chance = 0 then '552 5.2.2 mailbox full'
    when status = 'failed' then '550 5.7.1 message refused by policy'
  end,
  case
    when status <> 'sent' then null
    when type = 'text' then case when chance > 96 then 'undelivered' else 'delivered' end
    when chance > 97 then 'bounced'
  end
from judged;

-- of some leads the first message that was sent made them leave
insert into suppressions (channel, address, source, message_id, created_at)
select distinct on (lead.id)
  message.message_type,
  case message.message_type when 'email' then lead.email else lead.phone end,
  case message.message_type when 'email' then 'unsubscribe' else 'reply' end,
  message.id,
  message.sent_at
from leads as lead
inner join message_logs as message on message.lead_id = lead.id
inner join flow_steps as step on step.id = message.flow_step_id
where message.status = 'sent' and right(lead.id::text, 6)::integer % 23 = 5
order by lead.id, right(lead.id::text, 6)::integer % 5 <> step.step_order, step.flow, step.step_order;
