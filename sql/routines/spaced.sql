-- Until when each of a lead's messages of one flow and channel waits for the flow's gap after the
-- one before it, and for the send window that it meets then; null for one that goes at its own
-- time. `moments` are their times in the order in which they go, `previous` is when the last one
-- was sent, `earliest` before which none can go any more.
create or replace function flowctl.spaced(
  moments timestamptz[], previous timestamptz, gap interval, earliest timestamptz,
  zone text, opens time, closes time, weekdays integer[]
) returns timestamptz[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  moment timestamptz;
  last_sent timestamptz := previous;
  waits timestamptz[] := array[]::timestamptz[];
  wait timestamptz;
begin
  foreach moment in array moments loop
    wait := null;
    if last_sent + gap > greatest(moment, earliest) then
      wait := last_sent + gap;
      if opens is not null then
        wait := flowctl.window_edge(wait, zone, opens, closes, weekdays, true);
      end if;
    end if;
    last_sent := greatest(wait, moment, earliest);
    waits := waits || wait;
  end loop;
  return waits;
end;
$$;
