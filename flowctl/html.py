"""Pages to look at and to send on: nothing is loaded, nothing runs, everything is escaped."""

from html import escape

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

STYLE = """
:root { color-scheme: light dark; --ground: #fbfaf8; --card: #fff; --ink: #1d2125;
  --soft: #5b636b; --line: #dfe2e5; --email: #2f5fd0; --text: #0c7f6e; --good: #1b7f43;
  --bad: #b3261e; --wait: #8a6100; --bubble: #e3ecff; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --card: #1d2125; --ink: #e9ecef; --soft: #a3abb3; --line: #363c43;
    --email: #86a8ff; --text: #4fc9b4; --good: #6fcf97; --bad: #ff8a80; --wait: #e6bd5c;
    --bubble: #26365c; }
}
* { box-sizing: border-box; }
body { background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
  margin: 0 auto; max-width: 60rem; overflow-wrap: anywhere; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0; }
p, ul, dl { margin: .4rem 0; }
.soft { color: var(--soft); font-size: .9rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 1rem 1.1rem; }
.bad { color: var(--bad); } .good { color: var(--good); } .wait { color: var(--wait); }
"""


def page(title: str, body: str, style: str = "") -> str:
    """A whole page; ``body`` is HTML already, ``title`` is text."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def element(tag: str, content: str, css: str = "") -> str:
    """An element that holds a text."""
    kind = f' class="{escape(css)}"' if css else ""
    return f"<{tag}{kind}>{escape(content)}</{tag}>"
