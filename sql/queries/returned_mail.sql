-- Mail that came back, and what it does to the messages that it is about.

-- name: find_returned
-- The first of these ids that is an email of ours, and its lead, which is where it stands.
select message.lead_id::text as lead_id, message.id
from public.message_logs as message
where message.id = any(%(ids)s::uuid[]) and message.message_type = 'email'
order by array_position(%(ids)s::uuid[], message.id)
limit 1;

-- name: lock_returned
-- Locked until the end of the transaction. It went out, or may have: what was handed over may have
-- been accepted, and its send says what it was.
select
  message.id,
  message.lead_id::text as lead_id,
  coalesce(message.recipient, send.recipient) as recipient,
  message.status = 'sent' as is_sent,
  message.is_unknown or send.message_id is not null as is_unknown
from public.message_logs as message
left join flowctl.sends as send
  on send.message_id = message.id and send.lead_id = message.lead_id
where message.lead_id = %(lead_id)s and message.id = %(id)s::uuid
for no key update of message;

-- name: add_returned_mail
-- Says whether it is new: whoever takes the same mail at the same time waits here for the other.
insert into flowctl.returned_mail (digest, kind, verdict, code, lead_id, message_id, address)
values (
  %(digest)s, %(kind)s, %(verdict)s, %(code)s, %(lead_id)s, %(message_id)s,
  flowctl.comparable_email(%(address)s)
)
on conflict do nothing
returning digest;

-- name: add_mail_of_nobody
-- As add_returned_mail, of a mail that is about none of our messages.
insert into flowctl.returned_mail (digest, kind, verdict, code, address)
values (
  %(digest)s, %(kind)s, %(verdict)s, %(code)s, flowctl.comparable_email(%(address)s)
)
on conflict do nothing
returning digest;

-- name: mark_returned_sent
-- A report about an email whose outcome was unknown proves that it went out.
with finished as (
  delete from flowctl.sends as send
  where send.lead_id = %(lead_id)s and send.message_id = %(id)s
  returning send.message_id, send.recipient, send.subject, send.content, send.begun_at
)
update public.message_logs as message
set
  status = 'sent',
  is_unknown = false,
  cause = null,
  error_message = null,
  sent_at = coalesce(finished.begun_at, least(message.due_at, given.found_at)),
  recipient = coalesce(finished.recipient, message.recipient),
  subject = coalesce(finished.subject, message.subject),
  content = coalesce(finished.content, message.content),
  attempts = greatest(message.attempts, 1),
  claimed_by = null,
  lease_until = null
from (select %(id)s::uuid as id, now() as found_at) as given
left join finished on finished.message_id = given.id
where message.lead_id = %(lead_id)s and message.id = given.id and message.status <> 'sent'
returning message.id;

-- name: update_email_delivery
-- Never backwards: a delay after a bounce changes nothing.
update public.message_logs as message
set
  delivery_status = %(status)s,
  delivery_code = coalesce(nullif(%(code)s, ''), message.delivery_code),
  error_message = case
    when %(status)s in ('bounced', 'refused') then %(reason)s
    when %(status)s in ('delayed', 'delivered') then null
    else message.error_message
  end
where message.lead_id = %(lead_id)s and message.id = %(id)s and message.status = 'sent'
  and array_position(
    array['delayed', 'delivered', 'bounced', 'complained'],
    case when %(status)s = 'refused' then 'bounced' else %(status)s end
  ) > coalesce(array_position(
    array['delayed', 'delivered', 'bounced', 'complained'],
    case
      when message.delivery_status = 'refused' then 'bounced' else message.delivery_status
    end
  ), 0)
returning message.id;

-- name: is_given_up
-- Whether an address has failed often enough to be suppressed. A failure is as old as the message
-- that failed. `soft`: three different messages on three days, the first and the last at least 7
-- days apart, within 60 days; `no host`: two, at least a day apart. Only what failed since the last
-- sign of life counts.
with returned as materialized (
  select mail.message_id, mail.kind, mail.verdict, mail.recorded_at
  from flowctl.returned_mail as mail
  where mail.address = flowctl.comparable_email(%(address)s)
),
verdicts as (
  select
    returned.message_id,
    returned.verdict,
    coalesce(message.sent_at, returned.recorded_at) as at,
    returned.kind in ('automatic', 'person')
      or coalesce(returned.verdict = 'delivered', false) as is_alive
  from returned
  inner join public.message_logs as message on message.id = returned.message_id
),
failed as (
  select verdicts.message_id, min(verdicts.at) as at
  from verdicts
  where verdicts.verdict = %(verdict)s
    and verdicts.at > coalesce(
      (select max(life.at) from verdicts as life where life.is_alive), '-infinity'
    )
  group by verdicts.message_id
),
lately as (
  select failed.at from failed
  where failed.at > (select max(latest.at) from failed as latest) - interval '60 days'
)
select coalesce(
  case when %(verdict)s = 'soft'
    then count(distinct date_trunc('day', lately.at, 'UTC')) >= 3
      and max(lately.at) - min(lately.at) >= interval '7 days'
    else max(lately.at) - min(lately.at) >= interval '1 day'
  end,
  false
)
from lately;

-- name: suppress_returned
-- Says whether the address is new. What a person wrote down stays as it is; what a provider said is
-- no longer the reason where the recipient himself asks for no more.
insert into public.suppressions as suppression (channel, address, reason, source, message_id)
values ('email', %(address)s, %(reason)s, %(source)s, %(message_id)s)
on conflict (channel, address) do update
set source = excluded.source, reason = excluded.reason, message_id = excluded.message_id
where suppression.source in ('provider', 'bounce', 'reply')
  and excluded.source in ('complaint', 'unsubscribe')
returning xmax = 0 as is_new;

-- name: cancel_emails_of_lead
-- The rest of what would go by email to a lead; where an address is given, only what would go to
-- that: the lead's may have been mended since.
update public.message_logs as message
set
  status = 'cancelled',
  cause = 'suppressed',
  error_message = 'recipient is suppressed',
  claimed_by = null,
  lease_until = null
where message.lead_id = %(lead_id)s
  and message.message_type = 'email' and message.status = 'pending'
  and (
    %(address)s::text is null
    or exists (
      select from public.leads as lead
      where lead.id = message.lead_id
        and flowctl.comparable_email(to_jsonb(lead) ->> 'email')
          = flowctl.comparable_email(%(address)s::text)
    )
  )
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
returning message.id;

-- name: cancel_emails_to
-- What would go by email to the leads that have an address.
update public.message_logs as message
set
  status = 'cancelled',
  cause = 'suppressed',
  error_message = 'recipient is suppressed',
  claimed_by = null,
  lease_until = null
where message.lead_id in (
  select lead.id from public.leads as lead
  where flowctl.comparable_email(to_jsonb(lead) ->> 'email')
    = flowctl.comparable_email(%(address)s::text)
)
and message.message_type = 'email' and message.status = 'pending'
and not exists (
  select from flowctl.sends as send
  where send.lead_id = message.lead_id and send.message_id = message.id
)
returning message.id;

-- name: is_known_email
-- Whether a lead has an address, or it was written to.
select exists (
  select lead.id from public.leads as lead
  where flowctl.comparable_email(to_jsonb(lead) ->> 'email')
    = flowctl.comparable_email(%(address)s::text)
) or exists (
  select message.id from public.message_logs as message
  where message.message_type = 'email' and lower(message.recipient) = lower(%(address)s::text)
);

-- name: stop_replied
-- The lead of the message that was answered gets nothing more from its flow, where that says so.
update public.message_logs as message
set
  status = 'cancelled',
  cause = 'replied',
  error_message = 'lead replied',
  claimed_by = null,
  lease_until = null
from public.message_logs as answered
inner join public.flow_steps as answered_step on answered_step.id = answered.flow_step_id
inner join public.flows as flow on flow.name = answered_step.flow
inner join public.flow_steps as step on step.flow = flow.name
where answered.lead_id = %(lead_id)s
  and answered.id = %(id)s
  and flow.exit_on_reply
  and message.lead_id = answered.lead_id
  and message.flow_step_id = step.id
  and message.status = 'pending'
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
returning message.id;

-- name: stop_texted
-- Leads who answered a text get nothing more from the flows that it came from, where these say so.
-- Each answer is taken once: a lead may be brought back later.
with replied as (
  select given.number, given.at, 'text:' || given.id as digest
  from json_to_recordset(%(replies)s::json) as given (id text, number text, at timestamptz)
),
taken as (
  insert into flowctl.returned_mail (digest, kind, address)
  select replied.digest, 'person', replied.number from replied
  on conflict do nothing
  returning returned_mail.digest
),
answered as (
  select distinct message.lead_id, flow.name as flow
  from taken
  inner join replied on replied.digest = taken.digest
  cross join public.flows as flow
  inner join public.flow_steps as step on step.flow = flow.name
  inner join public.message_logs as message
    on message.flow_step_id = step.id and lower(message.recipient) = replied.number
    -- as message_logs_recipient has it
    and message.recipient is not null
    and case message.message_type when 'email' then lower(message.recipient)
      else right(message.recipient, 6) end = right(replied.number, 6)
  where flow.exit_on_reply and message.status = 'sent'
    -- the answer's time is of the provider's clock, in whole seconds
    and message.sent_at <= replied.at + interval '1 minute'
)
update public.message_logs as message
set
  status = 'cancelled',
  cause = 'replied',
  error_message = 'lead replied',
  claimed_by = null,
  lease_until = null
from answered
inner join public.flow_steps as step on step.flow = answered.flow
where message.lead_id = answered.lead_id
  and message.flow_step_id = step.id
  and message.status = 'pending'
  and not exists (
    select from flowctl.sends as send
    where send.lead_id = message.lead_id and send.message_id = message.id
  )
returning message.id;

-- name: suppressed_lately
-- Addresses suppressed for bounces in the last 24 hours, and the emails that were sent in them.
select
  (
    select count(*) from public.suppressions as suppression
    where suppression.source = 'bounce' and suppression.created_at > now() - interval '24 hours'
  ) as suppressed,
  (
    select count(*) from public.message_logs as message
    where message.status = 'sent' and message.message_type = 'email'
      and message.sent_at > now() - interval '24 hours'
  ) as sent;
