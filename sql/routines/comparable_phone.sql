-- The form in which phone numbers are compared, of any spelling: E.164, the number that stands for
-- its handset; bare digits where it does not say its country; null for what is none.
-- flowctl/address/comparison.py says the same, numbering.py where the rules come from.
create or replace function flowctl.comparable_phone(written text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  mark constant text := '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f'
    '\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
    '\U000e0000-\U000e0fff]';
  ascii_only text := written;
  digits text;
  dialled text;
  number text;
begin
  -- E.164 already, of a country whose numbers have one form: a sixth of what it takes below
  if written ~ '^\+[1-9][0-9]{6,14}$' and written !~ '^\+(52|54|55|57|225|229)' then
    return written;
  end if;
  if octet_length(written) <> length(written) then
    ascii_only := translate(
      normalize(regexp_replace(written, mark, '', 'g'), nfkc),
      '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯๐๑๒๓๔๕๖๗๘๙',
      '01234567890123456789012345678901234567890123456789'
    );
  end if;
  ascii_only := regexp_replace(ascii_only, '^ *(\+?[0-9]{5,})\.0 *$', '\1');
  ascii_only := regexp_replace(ascii_only, '\( *0 *\)', '', 'g');
  digits := regexp_replace(ascii_only, '[^0-9]+', '', 'g');
  if length(digits) < 5 or strpos(ascii_only, '@') > 0 then
    return null;
  end if;
  dialled := regexp_replace(digits, '^00([1-9])', '\1');
  if ascii_only !~ '^[^0-9]*\+' and dialled = digits then
    return digits;
  end if;
  number := '+' || dialled;
  number := regexp_replace(number, '^\+54(9?)0([1-3][0-9]{9,11})$', '+54\1\2');
  number := regexp_replace(number, '^\+550(?:[1-9][0-9])?([1-9][0-9][2-9][0-9]{7,8})$', '+55\1');
  number := regexp_replace(number, '^\+570[34579]?(3[0-9]{9})$', '+57\1');
  number := regexp_replace(number, '^\+52(?:1|01|04[45])([0-9]{10})$', '+52\1');
  number := regexp_replace(number, '^\+55([1-9][0-9])([6-9][0-9]{7})$', '+55\19\2');
  number := regexp_replace(number, '^\+225((?:0[1-3]|[457][0-3])[0-9]{6})$', '+22501\1');
  number := regexp_replace(number, '^\+225((?:0|[4-9])[4-6][0-9]{6})$', '+22505\1');
  number := regexp_replace(number, '^\+225((?:0|[4-9])[7-9][0-9]{6})$', '+22507\1');
  number := regexp_replace(number, '^\+229([2-9][0-9]{7})$', '+22901\1');
  number := regexp_replace(number, '^\+549([0-9]{10})$', '+54\1');
  number := regexp_replace(number, '^\+549?(11)15([0-9]{8})$', '+54\1\2');
  number := regexp_replace(number, '^\+549?([23][0-9]{2})15([0-9]{7})$', '+54\1\2');
  return regexp_replace(number, '^\+549?([23][0-9]{3})15([0-9]{6})$', '+54\1\2');
end;
$$;
