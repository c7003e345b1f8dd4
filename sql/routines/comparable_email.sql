-- The form in which email addresses are compared, of any spelling: lower case, NFC, the domain in
-- Unicode; null for what is none. flowctl/address/comparison.py says the same.
create or replace function flowctl.comparable_email(written text) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  -- what is not seen, and white space with the quotes and stops that exports leave around
  mark constant text := '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f'
    '\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
    '\U000e0000-\U000e0fff]';
  edge constant text := '[\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f'
    '\u205f\u3000"''‘’“”«»,;.]+';
  stripped text;
  mapped text;
  label text;
  labels text[];
begin
  if written ~ '^[A-Za-z0-9!#$%&*+/=?^_{|}~-][A-Za-z0-9!#$%&''*+/=?^_`{|}~.-]*@[A-Za-z0-9.-]*[A-Za-z0-9]$'
    and strpos(written, '--') = 0
  then
    return lower(written collate "C");
  end if;
  stripped := regexp_replace(written, mark, '', 'g');
  stripped := coalesce(substring(stripped from '<([^<>]+)>'), stripped);
  stripped := regexp_replace(stripped, '^' || edge || '|' || edge || '$', '', 'g');
  stripped := regexp_replace(stripped, '^mailto:', '', 'i');
  stripped := regexp_replace(stripped, '^' || edge || '|' || edge || '$', '', 'g');
  mapped := substring(stripped from '[^@]*$');
  if mapped = '' or length(mapped) + 1 >= length(stripped) then
    return null;
  end if;
  mapped := replace(flowctl.lower_case(normalize(mapped, nfkc)), '。', '.');
  foreach label in array string_to_array(mapped, '.') loop
    if label like 'xn--%' then
      label := coalesce(
        nullif(
          regexp_replace(
            flowctl.lower_case(normalize(flowctl.decode_punycode(substr(label, 5)), nfkc)),
            mark, '', 'g'
          ),
          ''
        ),
        label
      );
    end if;
    labels := labels || label;
  end loop;
  return flowctl.lower_case(normalize(substring(stripped from '^(.*)@'), nfc))
    || '@' || array_to_string(labels, '.');
end;
$$;
