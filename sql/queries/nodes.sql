-- Whether the tables are distributed over several nodes, and how a transaction reaches these.

-- name: is_distributed
select exists(select from flowctl.routines as own where own.name = 'citus');

-- name: one_by_one
-- Over one connection to each node, until the end of the transaction.
select set_config('citus.multi_shard_modify_mode', 'sequential', true);
