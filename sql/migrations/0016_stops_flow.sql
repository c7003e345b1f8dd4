-- For the foreign key to flows: a flow that is renamed or deleted looks for its stops.
create index if not exists stops_flow on flowctl.stops (flow);
