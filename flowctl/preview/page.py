"""A preview as one page to look at or to send to a colleague: nothing is loaded, nothing runs.

Everything in it is escaped. HTML emails are shown in frames without scripts, forms or the network.
"""

from html import escape

from flowctl.model import Channel
from flowctl.preview.messages import Preview, PreviewedMessage
from flowctl.preview.wording import timestamp_text

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 46rem; padding: 0 1rem; }
article { border: 1px solid #ccc; border-radius: 8px; margin: 1.5rem 0; padding: 1rem 1.25rem; }
h2 { font-size: 1.1rem; margin: 0; }
p, ul { margin: .4rem 0; }
pre { background: #f6f6f6; border-radius: 6px; padding: .75rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font: inherit; }
iframe { border: 1px solid #eee; border-radius: 6px; width: 100%; height: 22rem; background: #fff; }
.status { border-radius: 1rem; font-size: .85rem; padding: .1rem .6rem; background: #eee; }
.sent { background: #d9f2df; } .pending { background: #dce9fb; }
.failed { background: #fadcdc; } .reason { color: #a33; }
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def html_page(preview: Preview, *, explain: bool) -> str:
    """The page, as UTF-8 text."""
    who = "a new lead" if preview.lead_id is None else f"lead {preview.lead_id}"
    title = escape(f"Messages for {who}")
    articles = "\n".join(_article(message, explain=explain) for message in preview.messages)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p>Times are those of {escape(preview.timezone)}, unless another zone is named.</p>
{articles or "<p>No messages.</p>"}
</body>
</html>
"""


def _article(message: PreviewedMessage, *, explain: bool) -> str:
    status = message.status or "not scheduled"
    badge = f'<span class="status {escape(message.status or "")}">{escape(status)}</span>'
    what = f"{message.step}: {message.type} to {message.to or 'nobody'} ({message.zone})"
    lines = [
        f"<h2>{escape(timestamp_text(message.scheduled_for))} {badge}</h2>",
        f"<p>{escape(what)}</p>",
    ]
    if message.sent_at is not None:
        lines.append(f"<p>Sent {escape(timestamp_text(message.sent_at))}</p>")
    if message.reason is not None:
        lines.append(f'<p class="reason">{escape(message.reason)}</p>')
    if explain:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in message.explanation)
        lines.append(f"<ul>{items}</ul>")
    lines += _content(message)
    return "<article>\n" + "\n".join(lines) + "\n</article>"


def _content(message: PreviewedMessage) -> list[str]:
    if message.content is None:
        return []
    subject = [] if message.subject is None else [f"<p><b>{escape(message.subject)}</b></p>"]
    if message.type is Channel.EMAIL and message.is_html:
        frame = f'<iframe sandbox srcdoc="{escape(message.content)}"></iframe>'
        return [*subject, frame]
    return [*subject, f"<pre>{escape(message.content)}</pre>"]
