"""A preview as one page to look at or to send to a colleague: nothing is loaded, nothing runs.

Everything in it is escaped. HTML emails are shown in frames without scripts, forms or the network.
"""

import math
from collections.abc import Mapping
from html import escape

from flowctl.html import element, page
from flowctl.model import Channel
from flowctl.preview.messages import Preview, PreviewedMessage
from flowctl.preview.wording import timestamp_text
from flowctl.segments import segments
from flowctl.text import one_line, plural

_STYLE = """
body { max-width: 46rem; }
article { margin: 1.25rem 0; }
article h2 { align-items: baseline; display: flex; flex-wrap: wrap; font-size: 1.05rem;
  gap: .25rem .6rem; margin: 0; }
.status { border: 1px solid currentColor; border-radius: 1rem; font-size: .8rem;
  font-weight: 500; padding: 0 .55rem; }
.sent { color: var(--good); } .pending { color: var(--email); } .failed { color: var(--bad); }
.inbox { border-block: 1px solid var(--line); margin: .6rem 0; padding: .45rem 0; }
.inbox b { display: block; } .inbox .soft { display: block; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.bubble { background: var(--bubble); border-radius: 1.1rem 1.1rem 1.1rem .3rem; margin: .6rem 0 0;
  max-width: 26rem; padding: .6rem .9rem; white-space: pre-wrap; width: fit-content; }
pre { font: inherit; margin: .6rem 0; white-space: pre-wrap; }
iframe { background: #fff; border: 1px solid var(--line); border-radius: 8px; display: block;
  resize: vertical; width: 100%; }
"""

_LINE = 50
"""Characters of a line of an email in its frame, on a phone."""

_FIRST_WORDS = 120
_LOWEST, _HIGHEST = 22, 120
"""Heights of a frame, in rem."""


def html_page(preview: Preview, *, explain: bool, senders: Mapping[str | None, str]) -> str:
    """The page, as UTF-8 text. ``senders``: who emails of a flow come from; null: of any other."""
    own = "" if preview.lead_id is None else f"Lead {preview.lead_id}. "
    who = "a new lead" if preview.lead_id is None else preview.name or "a lead without a name"
    title = f"Messages for {who}"
    zone = f"{own}Times are those of {preview.timezone}, unless another zone is named."
    articles = [_article(one, senders, explain=explain) for one in preview.messages]
    body = [element("h1", title), element("p", zone, "soft"), *articles]
    return page(title, "\n".join(body if articles else [*body, "<p>No messages.</p>"]), _STYLE)


def _article(message: PreviewedMessage, senders: Mapping[str | None, str], *, explain: bool) -> str:
    status = element("span", message.status or "not scheduled", f"status {message.status or ''}")
    what = f"{message.step}: {message.type} to {message.to or 'nobody'} ({message.zone})"
    lines = [
        f"<h2>{escape(timestamp_text(message.scheduled_for))} {status}</h2>",
        element("p", what, "soft"),
    ]
    if message.sent_at is not None:
        lines.append(element("p", f"Sent {timestamp_text(message.sent_at)}"))
    if message.reason is not None:
        lines.append(element("p", message.reason, "bad"))
    if explain:
        items = "".join(element("li", sentence) for sentence in message.explanation)
        lines.append(f"<ul>{items}</ul>")
    if message.content is not None:
        sender = senders.get(message.flow, senders.get(None, ""))
        show = _email if message.type is Channel.EMAIL else _bubble
        lines.append(show(message, message.content, sender))
    return '<article class="card">\n' + "\n".join(lines) + "\n</article>"


def _bubble(_: PreviewedMessage, content: str, __: str) -> str:
    found = segments(content)
    length = f"{plural(found.count, 'segment')}, {found.encoding}"
    if found.cause:
        length += f" for the sake of {found.cause}"
    return element("div", content, "bubble") + element("p", length, "soft")


def _email(message: PreviewedMessage, content: str, sender: str) -> str:
    """The line of the inbox, and the email below it."""
    inbox = (
        f'<div class="inbox">{element("span", sender, "soft")}'
        f"{element('b', message.subject or '')}"
        f"{element('span', one_line(message.text, _FIRST_WORDS), 'soft')}</div>"
    )
    if not message.is_html:
        return inbox + element("pre", content)
    return (
        f'{inbox}<iframe sandbox title="the email" style="height:{_height(message)}rem" '
        f'srcdoc="{escape(content)}"></iframe>'
    )


def _height(message: PreviewedMessage) -> int:
    """What the email needs by its plain text, with room for pictures; it cannot be measured."""
    lines = sum(max(1, math.ceil(len(line) / _LINE)) for line in message.text.splitlines())
    pictures = (message.content or "").lower().count("<img")
    return min(_HIGHEST, max(_LOWEST, 8 + 2 * lines + 15 * pictures))
