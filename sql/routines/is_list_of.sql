-- Whether a JSON value is a list, not empty, of some of these words; null (not given) passes.
create or replace function flowctl.is_list_of(list jsonb, words text[]) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if list is null then
    return true;
  elsif jsonb_typeof(list) <> 'array' or jsonb_array_length(list) = 0 then
    return false;
  end if;
  return to_jsonb(words) @> list;
end;
$$;
