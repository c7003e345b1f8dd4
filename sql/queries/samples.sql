-- Samples of steps, sent to addresses of one's own.

-- name: sent_in_an_hour
-- As the hourly limit counts: what was sent, what is being sent, samples.
select (
  select count(*) from public.message_logs as message
  where message.status = 'sent' and message.sent_at > now() - interval '1 hour'
) + (select count(*) from flowctl.sends) + (
  select count(*) from flowctl.samples as sample where sample.sent_at > now() - interval '1 hour'
);

-- name: add_sample
with old as (
  delete from flowctl.samples as sample where sample.sent_at < now() - interval '30 days'
)
insert into flowctl.samples (provider_id, channel)
values (%(provider_id)s::text, %(channel)s::text)
on conflict do nothing;
