-- For the page behind the link of List-Unsubscribe: the address that the message went to, or would
-- go to, gets nothing more on its channel. Says whether there is such a message; may be repeated.
-- The id is the secret: nobody but the recipient has it.
create or replace function public.unsubscribe(message_id uuid) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  wanted record;
begin
  select
    message.lead_id,
    message.message_type as channel,
    coalesce(
      message.recipient,
      to_jsonb(lead) ->> case message.message_type when 'email' then 'email' else 'phone' end
    ) as address
  into wanted
  from public.message_logs as message
  inner join public.leads as lead on lead.id = message.lead_id
  where message.id = unsubscribe.message_id;
  if not found then
    return false;
  end if;
  begin
    insert into public.suppressions as suppression (channel, address, reason, source, message_id)
    select wanted.channel, wanted.address, 'unsubscribed', 'unsubscribe', unsubscribe.message_id
    where wanted.address is not null
    on conflict (channel, address) do update
    set source = excluded.source, reason = excluded.reason, message_id = excluded.message_id
    where suppression.source in ('provider', 'bounce', 'reply');
  exception when check_violation then
    null;  -- no address that could ever be written to
  end;
  update public.message_logs as message
  set
    status = 'cancelled',
    cause = 'suppressed',
    error_message = 'recipient is suppressed',
    claimed_by = null,
    lease_until = null
  where message.message_type = wanted.channel
    and message.status = 'pending'
    and (
      message.lead_id = wanted.lead_id
      or message.lead_id in (
        select lead.id from public.leads as lead
        where flowctl.comparable_address(
          wanted.channel,
          to_jsonb(lead) ->> case wanted.channel when 'email' then 'email' else 'phone' end
        ) = flowctl.comparable_address(wanted.channel, wanted.address)
      )
    )
    and not exists (
      select from flowctl.sends as send
      where send.lead_id = message.lead_id and send.message_id = message.id
    );
  return true;
end;
$$;
