-- Addresses that must not be written to.

-- name: select_suppressions
select
  suppression.channel,
  suppression.address,
  suppression.reason,
  suppression.created_at,
  suppression.source,
  suppression.message_id
from public.suppressions as suppression
where (%(channel)s::text is null or suppression.channel = %(channel)s)
  and (%(source)s::text is null or suppression.source = %(source)s)
  and (%(addresses)s::text[] is null or suppression.address = any(%(addresses)s::text[]))
order by suppression.created_at, suppression.channel, suppression.address;

-- name: add_suppression
-- By hand: a reply of the recipient's does not lift it any more. That somebody complained or
-- unsubscribed stays known. Says whether it is new.
insert into public.suppressions as suppression (channel, address, reason, source)
values (%(channel)s, %(address)s, %(reason)s, 'manual')
on conflict (channel, address) do update
set
  source = case
    when suppression.source in ('complaint', 'unsubscribe') then suppression.source else 'manual'
  end,
  reason = coalesce(excluded.reason, suppression.reason)
returning xmax = 0 as is_new;

-- name: remove_suppression
delete from public.suppressions as suppression
where suppression.channel = %(channel)s and suppression.address = %(address)s;

-- name: pending_addresses
-- The addresses that pending messages would go to, as leads have them, with how many there are.
select
  waiting.channel,
  waiting.address,
  count(*) as messages
from (
  select
    message.message_type as channel,
    case message.message_type
      when 'email' then to_jsonb(lead) ->> 'email' else to_jsonb(lead) ->> 'phone'
    end as address
  from public.message_logs as message
  inner join public.leads as lead on lead.id = message.lead_id
  where message.status = 'pending'
) as waiting
where waiting.address is not null
group by waiting.channel, waiting.address;
