-- Who a flow's messages come from, instead of the settings of the environment.

alter table public.flows
add column if not exists sender jsonb;

comment on column public.flows.sender is
'email_from, reply_to, return_path (with {message_id}) and text_from (a number, or a messaging
service MG...), each optional: instead of the settings of the environment.';

do $$
begin
  if not exists (
    select from pg_catalog.pg_constraint as c
    where c.conrelid = 'public.flows'::regclass and c.conname = 'flows_sender'
  ) then
    alter table public.flows
    add constraint flows_sender check (jsonb_typeof(sender) = 'object');
  end if;
end;
$$;
