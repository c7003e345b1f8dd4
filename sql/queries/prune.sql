-- Redacting old messages. The row stays, and with it all that guards against a second send: lead
-- and step, status, times, the provider's id, and of a sent message the recipient (dedupe_address
-- asks for it). What it said goes, and where a failed or cancelled one would have gone. So does the
-- address in a complaint of our own, and whatever in a provider's words looks like one.

-- name: prune_range
-- Whether this role may redact, and from when on messages are young.
select
  pg_has_role(class.relowner, 'member') as is_owner,
  now() - %(older_than)s::interval as before
from pg_catalog.pg_class as class
where class.oid = 'public.message_logs'::regclass;

-- name: count_pages
-- What there is to go through.
select
  flowctl.page_count('public.message_logs') as messages,
  flowctl.page_count('flowctl.message_archive') as archived;

-- name: prune_messages
-- Redacts what is old in one chunk of pages. A look by pages goes through the table once, whatever
-- the number of chunks, and needs no index.
with pruned as (
  update public.message_logs as message
  set
    subject = null,
    content = '',
    recipient = case when message.status = 'sent' then message.recipient end,
    error_message = flowctl.redacted(message.error_message)
  where message.ctid >= format('(%%s,0)', %(first)s::bigint)::tid
    and message.ctid < format('(%%s,0)', %(first)s::bigint + %(pages)s::bigint)::tid
    and greatest(message.sent_at, message.scheduled_for, message.created_at)
    < %(before)s::timestamptz
    and flowctl.is_redactable(
      message.status, message.subject, message.content, message.recipient, message.error_message
    )
  returning message.id
),
forgotten as (
  -- providers' words, which may name the recipient
  delete from flowctl.message_history as history
  using pruned
  where history.message_id = pruned.id
)
select count(*) as messages from pruned;

-- name: count_old_messages
-- How many prune_messages would redact.
select count(*) as messages
from public.message_logs as message
where message.ctid >= format('(%%s,0)', %(first)s::bigint)::tid
  and message.ctid < format('(%%s,0)', %(first)s::bigint + %(pages)s::bigint)::tid
  and greatest(message.sent_at, message.scheduled_for, message.created_at)
  < %(before)s::timestamptz
  and flowctl.is_redactable(
    message.status, message.subject, message.content, message.recipient, message.error_message
  );

-- name: prune_archive
-- The same for what adoption took out of message_logs, whatever its status: none of it is sent.
with pruned as (
  update flowctl.message_archive as message
  set subject = null, content = null, error_message = null
  where message.ctid >= format('(%%s,0)', %(first)s::bigint)::tid
    and message.ctid < format('(%%s,0)', %(first)s::bigint + %(pages)s::bigint)::tid
    and coalesce(
      greatest(message.sent_at, message.scheduled_for, message.created_at), message.archived_at
    ) < %(before)s::timestamptz
    and coalesce(message.subject, message.content, message.error_message) is not null
  returning message.id
)
select count(*) as messages from pruned;

-- name: count_old_archive
-- How many prune_archive would redact.
select count(*) as messages
from flowctl.message_archive as message
where message.ctid >= format('(%%s,0)', %(first)s::bigint)::tid
  and message.ctid < format('(%%s,0)', %(first)s::bigint + %(pages)s::bigint)::tid
  and coalesce(
    greatest(message.sent_at, message.scheduled_for, message.created_at), message.archived_at
  ) < %(before)s::timestamptz
  and coalesce(message.subject, message.content, message.error_message) is not null;
