-- Mail that comes back: what was taken already, whose addresses it suppresses, and flows that end
-- with an answer.

alter table public.flows
add column if not exists exit_on_reply boolean not null default false;

comment on column public.flows.exit_on_reply is
'A lead who answers, by email or by text, gets nothing more from the flow.';

alter table public.suppressions
add column if not exists message_id uuid;

comment on column public.suppressions.message_id is
'The message that it came from, where there is one; it may be gone by now.';

do $$
begin
  if not exists (
    select from pg_catalog.pg_constraint as c
    where c.conrelid = 'public.suppressions'::regclass and c.conname = 'suppressions_source'
      and pg_get_constraintdef(c.oid) like '%unsubscribe%'
  ) then
    alter table public.suppressions drop constraint if exists suppressions_source;
    alter table public.suppressions add constraint suppressions_source check (
      source in ('manual', 'import', 'reply', 'provider', 'bounce', 'complaint', 'unsubscribe')
    );
  end if;
end;
$$;

-- One row for each mail, however often it is read. It goes with its message: then the mail is about
-- nothing of ours any more.
create table if not exists flowctl.returned_mail (
  digest text primary key,
  kind text not null,
  verdict text,
  code text,
  message_id uuid references public.message_logs (id) on delete cascade,
  address text,
  recorded_at timestamptz not null default now()
);

comment on table flowctl.returned_mail is
'Mail that came back and was taken, by a digest of its bytes below the trace headers.';

create index if not exists returned_mail_message on flowctl.returned_mail (message_id);

-- How often an address has failed.
create index if not exists returned_mail_address on flowctl.returned_mail (address);

-- Closed once, when it is made: whom its owner lets call it later stays let in. What it does is the
-- routine's to say.
do $$
declare
  api_role text;
begin
  if exists (
    select from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.proname = 'unsubscribe'
      and not (
        pg_has_role(current_user, p.proowner, 'usage')
        and p.prorettype = 'boolean'::regtype
        and pg_get_function_identity_arguments(p.oid) = 'message_id uuid'
      )
  ) then
    raise exception 'there is another function public.unsubscribe'
      using errcode = 'FC003', hint = 'rename it, or move it to another schema';
  end if;
  if to_regprocedure('public.unsubscribe(uuid)') is null then
    create function public.unsubscribe(message_id uuid) returns boolean
    language sql set search_path = pg_catalog, pg_temp as 'select false';
    revoke all on function public.unsubscribe(uuid) from public;
    foreach api_role in array array['anon', 'authenticated', 'service_role'] loop
      if to_regrole(api_role) is not null then
        execute format('revoke all on function public.unsubscribe(uuid) from %I', api_role);
      end if;
    end loop;
  end if;
end;
$$;
