-- The Unicode text of a punycode one (RFC 3492, without its xn--); null if it is none.
create or replace function flowctl.decode_punycode(encoded text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  -- section 5: the parameters of the encoding
  base constant integer := 36;
  tmin constant integer := 1;
  tmax constant integer := 26;
  skew constant integer := 38;
  characters integer[];
  code bigint := 128::bigint;
  bias integer := 72;
  place bigint := 0::bigint;
  before bigint;
  weight bigint;
  threshold integer;
  digit integer;
  tail text := substring(encoded from '[^-]*$');
  read integer := 0;
  delta bigint;
begin
  if tail = '' or encoded ~ '[^a-z0-9-]' then
    return null;
  end if;
  characters := array(
    select ascii(letter)
    from regexp_split_to_table(left(encoded, greatest(length(encoded) - length(tail) - 1, 0)), '')
      as letter
    where letter <> ''
  );
  while read < length(tail) loop
    before := place;
    weight := 1;
    for round in 1..1000 loop
      read := read + 1;
      -- position, not an error, where the text ends too early
      digit := strpos('abcdefghijklmnopqrstuvwxyz0123456789', nullif(substr(tail, read, 1), '')) - 1;
      if digit is null then
        return null;
      end if;
      place := place + digit * weight;
      threshold := least(greatest(round * base - bias, tmin), tmax);
      exit when digit < threshold;
      weight := weight * (base - threshold);
      if place > 1114112::bigint * 300 or weight > 1114112::bigint * 300 * base then
        return null;
      end if;
    end loop;
    -- section 6.1: how the bias follows
    delta := (place - before) / case when before = 0 then 700 else 2 end;
    delta := delta + delta / (cardinality(characters) + 1);
    bias := 0;
    while delta > ((base - tmin) * tmax) / 2 loop
      delta := delta / (base - tmin);
      bias := bias + base;
    end loop;
    bias := bias + ((base - tmin + 1) * delta / (delta + skew))::integer;
    code := code + place / (cardinality(characters) + 1);
    place := place % (cardinality(characters) + 1);
    if code > 1114111 or code between 55296 and 57343 then
      return null;
    end if;
    characters := characters[:place] || code::integer || characters[place + 1:];
    place := place + 1;
  end loop;
  return (
    select string_agg(chr(letter), '' order by number)
    from unnest(characters) with ordinality as one (letter, number)
  );
end;
$$;
