-- How many pages a table has; one that is distributed, as many as its largest part at most.
create or replace function flowctl.page_count(place regclass) returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  bytes bigint := pg_relation_size(place);
begin
  if flowctl.is_distributed() then
    -- asked of the text, since the view is the extension's
    execute format(
      'select max(part.shard_size) from %s as part where part.table_name = $1',
      to_regclass('pg_catalog.citus_shards')
    ) into bytes using place;
  end if;
  return bytes / current_setting('block_size')::bigint;
end;
$$;
