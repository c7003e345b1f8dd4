-- The recipient of a send in the form in which addresses are compared, so that it need not be
-- computed again for each message that begins meanwhile. Null where nobody compares it, and where
-- an older program began it.
alter table flowctl.sends add column if not exists address text;
