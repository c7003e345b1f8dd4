#!/bin/sh
# date-fns-tz 3.2.0: fromZonedTime moves a time that the clocks skip in spring back by an hour: 2:30
# becomes 1:30, before the hour at which something was to happen. luxon 3.7.2, Temporal's default, Java
# and PostgreSQL move it forward, to 3:30.
# Prints the versions, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund date-fns-tz@3.2.0 date-fns@4.4.0 luxon@3.7.2
cat > run.mjs <<'JAVASCRIPT'
import { fromZonedTime } from 'date-fns-tz'
import { DateTime } from 'luxon'

const zone = 'America/New_York'
const skipped = '2026-03-08T02:30:00'
const one = fromZonedTime(skipped, zone).toISOString()
const other = DateTime.fromISO(skipped, { zone }).toJSDate().toISOString()
console.log(`${skipped} in ${zone}: date-fns-tz ${one}, luxon ${other}`)
process.exit(one === '2026-03-08T06:30:00.000Z' && other === '2026-03-08T07:30:00.000Z' ? 0 : 1)
JAVASCRIPT
npm ls date-fns-tz luxon
TZ=UTC node run.mjs
