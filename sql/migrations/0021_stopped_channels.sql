-- The channels that a provider has stopped, as the run last said, with the provider's words.

alter table flowctl.runs add column if not exists stopped jsonb not null default '{}';
