#!/bin/sh
# dayjs 1.11.23, plugin timezone: a day added to 9:00 on the eve of summer time is 10:00. What shall go
# out "tomorrow at 9:00" goes out an hour late that day (and early in autumn), where the machine's own
# zone has no such change, as a server in UTC has none. luxon 3.7.2 says 9:00.
# Prints the versions, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund dayjs@1.11.23 luxon@3.7.2
cat > run.mjs <<'JAVASCRIPT'
import dayjs from 'dayjs'
import timezone from 'dayjs/plugin/timezone.js'
import utc from 'dayjs/plugin/utc.js'
import { DateTime } from 'luxon'

dayjs.extend(utc)
dayjs.extend(timezone)
const zone = 'America/New_York'
const shown = (instant) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' }).format(instant)
let changed = false
for (const [day, late] of [['2026-03-07', '10:00'], ['2026-10-31', '08:00']]) {
  const created = `${day}T09:00:00`
  const one = shown(dayjs.tz(created, zone).add(1, 'day').toDate())
  const other = shown(DateTime.fromISO(created, { zone }).plus({ days: 1 }).toJSDate())
  console.log(`${created} in ${zone} and a day: dayjs ${one}, luxon ${other}`)
  changed ||= !one.endsWith(late) || !other.endsWith('09:00')
}
process.exit(changed ? 1 : 0)
JAVASCRIPT
npm ls dayjs luxon
TZ=UTC node run.mjs
