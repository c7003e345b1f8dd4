"""The page of a report: flows as lines of steps, days as bars, reasons as a list."""

from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from itertools import groupby

from flowctl.html import element, page
from flowctl.report.model import Report
from flowctl.store.report import StepFunnel
from flowctl.text import one_line

_STYLE = """
.sums { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr));
  margin: 1.5rem 0; }
.sums b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; line-height: 1.2; }
ol.steps { border-left: 3px solid var(--line); list-style: none; margin: 0 0 0 .5rem; padding: 0; }
ol.steps li { margin: 0 0 1rem; padding-left: 1.25rem; position: relative; }
ol.steps li::before { background: var(--email); border-radius: 50%; content: ""; height: .8rem;
  left: calc(-.4rem - 1.5px); position: absolute; top: 1.2rem; width: .8rem; }
ol.steps li.text::before { background: var(--text); }
.funnel { display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; margin: .5rem 0 0; }
.funnel div { display: flex; gap: .35rem; } .funnel dt { color: var(--soft); }
.funnel dd { font-variant-numeric: tabular-nums; font-weight: 600; margin: 0; }
.share { background: var(--line); border-radius: 4px; display: flex; height: .5rem;
  margin-top: .6rem; overflow: hidden; }
.share span { display: block; } .share .sent { background: var(--good); }
.share .lost { background: var(--bad); } .share .left { background: var(--wait); }
svg { display: block; height: auto; width: 100%; }
svg .email { fill: var(--email); } svg .text { fill: var(--text); }
svg text { fill: var(--soft); font-size: 11px; }
.key::before { border-radius: 2px; content: ""; display: inline-block; height: .7rem;
  margin-right: .35rem; width: .7rem; }
.key.email::before { background: var(--email); } .key.text::before { background: var(--text); }
.reasons { list-style: none; padding: 0; } .reasons li { display: flex; gap: .9rem; }
.reasons b { font-variant-numeric: tabular-nums; min-width: 2.5rem; text-align: right; }
"""

_WIDTH, _HEIGHT, _FOOT = 600, 150, 18
_FIRST_WORDS = 90

Day = tuple[date, int, int]
"""A day with its emails and texts."""


def html_page(report: Report) -> str:
    """The page, as UTF-8 text."""
    title = "What went out, and what became of it"
    span = f"{report.since:%-d %B %Y} to {report.until:%-d %B %Y, %H:%M}, days of {report.zone}"
    coming = [(day.date, day.email, day.text) for day in report.forecast.days]
    body = [
        f"<header>{element('h1', title)}{element('p', span, 'soft')}</header>",
        _sums(report),
        "<h2>Sent a day</h2>",
        _bars([(day.date, day.email, day.text) for day in report.days]),
        "<h2>The next days</h2>",
        _bars(coming),
        _cannot(report),
        *_flows(report.steps),
        "<h2>Failures by reason</h2>",
        _failures(report),
    ]
    return page(title, "\n".join(body), _STYLE)


def _sums(report: Report) -> str:
    sums = {
        "sent": sum(day.email + day.text for day in report.days),
        "delivered": sum(step.delivered for step in report.steps),
        "not delivered": sum(step.bounced for step in report.steps),
        "failed": sum(one.count for one in report.failures),
        "opted out": sum(step.opted_out for step in report.steps),
        "waiting": sum(step.pending for step in report.steps),
    }
    tiles = "".join(
        f'<div class="card"><b>{number:,}</b>{element("span", name, "soft")}</div>'
        for name, number in sums.items()
    )
    return f'<div class="sums">{tiles}</div>'


def _bars(days: Sequence[Day]) -> str:
    """Emails and texts of each day, one on the other, to the scale of the fullest."""
    most = max((email + text for _, email, text in days), default=0)
    if not most:
        return element("p", "Nothing.", "soft")
    step, room = _WIDTH / len(days), _HEIGHT - 2 * _FOOT
    wide = max(step * 0.75, 0.5)
    marks = []
    for number, (day, email, text) in enumerate(days):
        x, base = number * step + (step - wide) / 2, float(_HEIGHT - _FOOT)
        says = element("title", f"{day:%a %-d %b}: {email} emails, {text} texts")
        marks.append(f"<g>{says}")
        for kind, count in (("email", email), ("text", text)):
            tall = room * count / most
            base -= tall
            marks.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{base:.1f}" width="{wide:.1f}" '
                f'height="{tall:.1f}"/>'
            )
        marks.append("</g>")
    first, last = days[0][0], days[-1][0]
    return (
        f'<div class="card"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="messages a day, at most {most}">{"".join(marks)}'
        f'<text x="0" y="11">{most:,}</text><text x="0" y="{_HEIGHT - 4}">{first:%-d %b}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 4}" text-anchor="end">{last:%-d %b}</text></svg>'
        '<p class="soft"><span class="key email">emails</span> '
        '<span class="key text">texts</span></p></div>'
    )


def _cannot(report: Report) -> str:
    cannot = report.forecast.cannot
    words = (
        f"Among these {cannot.no_address} without an address, {cannot.suppressed} to suppressed "
        f"addresses, {cannot.paused} of paused flows, which will not go as things are."
    )
    return element("p", words, "soft")


def _flows(steps: Sequence[StepFunnel]) -> Iterator[str]:
    for name, group in groupby(steps, key=lambda step: step.flow):
        own = list(group)
        paused = " (paused)" if own[0].is_paused else ""
        yield element("h2", f"Flow {name}{paused}")
        yield f'<ol class="steps">{"".join(map(_step, own))}</ol>'


def _step(step: StepFunnel) -> str:
    name = step.key or f"#{step.step_order}"
    when = f"day {step.day}" + (f", {step.time}" if step.time else ", at once")
    off = "" if step.is_on else ", off"
    counts = {
        "sent": (step.sent, ""),
        "delivered": (step.delivered, "good"),
        "not delivered": (step.bounced, "bad"),
        "failed": (step.failed, "bad"),
        "cancelled": (step.cancelled, ""),
        "opted out": (step.opted_out, "wait"),
        "waiting": (step.pending, ""),
    }
    funnel = "".join(
        f"<div>{element('dt', word)}{element('dd', f'{number:,}', css if number else '')}</div>"
        for word, (number, css) in counts.items()
    )
    excerpt = one_line(step.subject or step.content or "")[:_FIRST_WORDS]
    return (
        f'<li class="{escape(step.channel)}"><div class="card">{element("h3", name)}'
        f"{element('p', f'{step.channel}, {when}{off}', 'soft')}{element('p', excerpt)}"
        f'<dl class="funnel">{funnel}</dl>{_share(step)}</div></li>'
    )


def _share(step: StepFunnel) -> str:
    """What arrived as far as one knows, what was lost, and who left because of it."""
    whole = step.sent + step.failed
    if not whole:
        return ""
    lost = min(whole, step.failed + step.bounced)
    gone = min(whole - lost, step.opted_out)
    parts = {"sent": whole - lost - gone, "left": gone, "lost": lost}
    spans = "".join(
        f'<span class="{kind}" style="width:{100 * part / whole:.2f}%"></span>'
        for kind, part in parts.items()
        if part
    )
    return f'<div class="share">{spans}</div>'


def _failures(report: Report) -> str:
    if not report.failures:
        return element("p", "None.", "soft")
    items = "".join(
        f"<li>{element('b', f'{one.count:,}')}{element('span', one_line(one.reason or ''))}</li>"
        for one in report.failures
    )
    return f'<ul class="reasons card">{items}</ul>'
