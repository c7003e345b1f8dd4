-- What a message's plan depends on besides its step and its lead.
alter table public.message_logs
add column if not exists counted_from timestamptz,
add column if not exists shifted_days integer not null default 0;

comment on column public.message_logs.counted_from is
'The moment that the step''s day is counted from, where that is not the lead''s creation: the
enrollment by leads enroll --from now or leads move.';

comment on column public.message_logs.shifted_days is
'Days by which flows resume --late shift has moved the planned time, in all.';
