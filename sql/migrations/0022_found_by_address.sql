-- Few among many again, and what people look for by an address. None of these indexes names what a
-- new message has, so that scheduling writes none of them.

-- What came with an error and is not over: waits for a retry, or was sent and came back.
create index if not exists message_logs_sent_error on public.message_logs (sent_at)
where status = 'sent' and error_message is not null;

create index if not exists message_logs_pending_error
on public.message_logs (message_type, due_at, id)
where status = 'pending' and error_message is not null;

-- Whom it was written to: an email address in lower case, the last digits of a phone number, which
-- are the same in every form of it. What is found so is compared as addresses are.
create index if not exists message_logs_recipient on public.message_logs (
  (case message_type when 'email' then lower(recipient) else right(recipient, 6) end)
)
where recipient is not null;

-- Leads by their email and phone: by built-in functions alone, which everybody may call who inserts
-- a lead, and cut, so that no value is too long. What is not plain is found under ''. A leads table
-- that cannot have these (another role's, other types) does without: then one walk through it finds
-- the lead.
do $$
declare
  index record;
begin
  for index in
    select made.name, made.target
    from (
      values
      (
        'email', 'leads_by_email',
        $target$case
          when email::text ~ '^[A-Za-z0-9_+.-]+@[A-Za-z0-9.-]*[A-Za-z0-9]$'
            and strpos(email::text, '--') = 0
            then left(lower(email::text collate "C"), 254)
          when email is not null then ''
        end$target$
      ),
      (
        'phone', 'leads_by_phone',
        $target$case
          when translate(phone::text, ' ()-./+', '') ~ '^[0-9]*$'
            then right(translate(phone::text, ' ()-./+', ''), 6)
          when phone is not null then ''
        end$target$
      )
    ) as made (needed, name, target)
    inner join pg_catalog.pg_attribute as attribute
      on attribute.attrelid = 'public.leads'::regclass
      and attribute.attname = made.needed and not attribute.attisdropped
  loop
    begin
      execute format(
        'create index if not exists %I on public.leads ((%s))', index.name, index.target
      );
    exception
      when others then
        raise notice 'flowctl: leads have no index %: %', index.name, sqlerrm;
    end;
  end loop;
end;
$$;
