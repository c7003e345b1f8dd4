-- Redacting old messages. The row stays, and with it all that guards against a second send: lead
-- and step, status, times, the provider's id, and of a sent message the recipient (dedupe_address
-- asks for it). What it said goes, and where a failed or cancelled one would have gone. So does the
-- address in a complaint of our own, and whatever in a provider's words looks like one.

-- name: prune_range
-- Whether this role may redact, from when on messages are young, and how many pages there are.
select
  pg_has_role(class.relowner, 'member') as is_owner,
  now() - %(older_than)s::interval as before,
  pg_relation_size(class.oid) / current_setting('block_size')::integer as message_pages,
  pg_relation_size('flowctl.message_archive') / current_setting('block_size')::integer
    as archive_pages
from pg_catalog.pg_class as class
where class.oid = 'public.message_logs'::regclass;

-- name: prune_messages
-- Redacts what is old in one chunk of pages; with a dry run only counts. A look by pages goes
-- through the table once, whatever the number of chunks, and needs no index.
with seen as (
  select
    message.ctid as place,
    message.status,
    message.subject,
    message.content,
    message.recipient,
    message.error_message,
    case when message.status = 'sent' then message.recipient end as kept_recipient,
    regexp_replace(
      regexp_replace(message.error_message, '^((phone number|email address)[^:]*):.*$', '\1'),
      '[^\s<>"]+@[^\s<>"]+|\+?([0-9][() -]{0,2}){6,}[0-9]', '…', 'g'
    ) as kept_error
  from public.message_logs as message
  where message.ctid >= format('(%%s,0)', %(first)s::bigint)::tid
    and message.ctid < format('(%%s,0)', %(first)s::bigint + %(pages)s::bigint)::tid
    and message.status <> 'pending'
    and greatest(message.sent_at, message.scheduled_for, message.created_at)
    < %(before)s::timestamptz
),
old as materialized (
  select seen.place, seen.kept_recipient, seen.kept_error
  from seen
  where seen.subject is not null
    or seen.content <> ''
    or seen.recipient is distinct from seen.kept_recipient
    or seen.error_message is distinct from seen.kept_error
),
pruned as (
  update public.message_logs as message
  set
    subject = null,
    content = '',
    recipient = old.kept_recipient,
    error_message = old.kept_error
  from old
  where message.ctid = old.place and not %(dry_run)s::boolean
  returning message.id
),
forgotten as (
  -- providers' words, which may name the recipient
  delete from flowctl.message_history as history
  using pruned
  where history.message_id = pruned.id
)
select
  case
    when %(dry_run)s::boolean then (select count(*) from old)
    else (select count(*) from pruned)
  end as messages;

-- name: prune_archive
-- The same for what adoption took out of message_logs, whatever its status: none of it is sent.
with old as materialized (
  select message.ctid as place
  from flowctl.message_archive as message
  where message.ctid >= format('(%%s,0)', %(first)s::bigint)::tid
    and message.ctid < format('(%%s,0)', %(first)s::bigint + %(pages)s::bigint)::tid
    and coalesce(
      greatest(message.sent_at, message.scheduled_for, message.created_at), message.archived_at
    ) < %(before)s::timestamptz
    and coalesce(message.subject, message.content, message.error_message) is not null
),
pruned as (
  update flowctl.message_archive as message
  set subject = null, content = null, error_message = null
  from old
  where message.ctid = old.place and not %(dry_run)s::boolean
  returning message.id
)
select
  case
    when %(dry_run)s::boolean then (select count(*) from old)
    else (select count(*) from pruned)
  end as messages;
