-- Addresses that must not be written to.

-- name: select_suppressions
select
  suppression.channel,
  suppression.address,
  suppression.reason,
  suppression.created_at,
  suppression.source
from public.suppressions as suppression
order by suppression.created_at, suppression.channel, suppression.address;

-- name: add_suppression
-- By hand: a reply of the recipient's does not lift it any more. Says whether it is new.
insert into public.suppressions as suppression (channel, address, reason, source)
values (%(channel)s, %(address)s, %(reason)s, 'manual')
on conflict (channel, address) do update
set source = 'manual', reason = coalesce(excluded.reason, suppression.reason)
returning xmax = 0 as is_new;

-- name: remove_suppression
delete from public.suppressions as suppression
where suppression.channel = %(channel)s and suppression.address = any(%(addresses)s::text[])
returning suppression.address;

-- name: pending_emails
-- Pending emails by address as leads have it, of the addresses that contain a mailbox.
select to_jsonb(lead) ->> 'email' as address, count(*) as messages
from public.message_logs as message
inner join public.leads as lead on lead.id = message.lead_id
where message.status = 'pending'
  and message.message_type = 'email'
  and position(lower(%(mailbox)s) in lower(to_jsonb(lead) ->> 'email')) > 0
group by to_jsonb(lead) ->> 'email';

-- name: pending_texts
-- Pending texts by number as leads have it, of the numbers that end in these digits.
select to_jsonb(lead) ->> 'phone' as address, count(*) as messages
from public.message_logs as message
inner join public.leads as lead on lead.id = message.lead_id
where message.status = 'pending'
  and message.message_type = 'text'
  and regexp_replace(to_jsonb(lead) ->> 'phone', '[^0-9]', '', 'g') like '%%' || %(ending)s::text
group by to_jsonb(lead) ->> 'phone';
