#!/bin/sh
# html-to-text 10.0.1 (and @react-email/render 2.3.1, which uses it) writes headings in capitals, the
# merge fields in them too: {{ first_name }} becomes {{ FIRST_NAME }}, which is no column, and the
# plain-text part says "HI" to nobody. The HTML part beside it is right.
# Prints the versions, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund \
  html-to-text@10.0.1 @react-email/render@2.3.1 react@19.3.1 react-dom@19.3.1
cat > run.mjs <<'JAVASCRIPT'
import { convert } from 'html-to-text'
import { toPlainText } from '@react-email/render'

const html = '<h1>Hi {{ first_name }}</h1><p>Hello {{ first_name }}</p>'
const seen = 'HI {{ FIRST_NAME }}\n\nHello {{ first_name }}'
let changed = false
for (const [name, toText] of [['html-to-text', convert], ['@react-email/render', toPlainText]]) {
  const text = toText(html)
  console.log(`${name}: ${JSON.stringify(text)}`)
  changed ||= text !== seen
}
process.exit(changed ? 1 : 0)
JAVASCRIPT
npm ls html-to-text @react-email/render
node run.mjs
