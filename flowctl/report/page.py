"""The page of a report: flows as lines of steps, days as bars, reasons as a list."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from flowctl.html import element, page
from flowctl.model import Channel
from flowctl.report.chart import STYLE as CHART_STYLE
from flowctl.report.chart import chart
from flowctl.report.model import Report
from flowctl.store.report import StepFunnel
from flowctl.text import one_line

_STYLE = """
.sums { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr));
  margin: 1.5rem 0; }
.sums b { font-size: 1.6rem; font-variant-numeric: tabular-nums; line-height: 1.2;
  margin-right: .5rem; }
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
.reasons { list-style: none; } .reasons li { display: flex; gap: .9rem; }
.reasons b { font-variant-numeric: tabular-nums; min-width: 2.5rem; text-align: right; }
"""

_FIRST_WORDS = 90

_DELIVERED = "Delivered is what was reported: of every text, of emails where a mail server does so."


def html_page(report: Report) -> str:
    """The page, as UTF-8 text."""
    title = "What went out, and what became of it"
    span = f"{report.since:%-d %B %Y} to {report.until:%-d %B %Y, %H:%M}, days in {report.timezone}"
    coming = [(day.date, day.email, day.text) for day in report.forecast.days]
    body = [
        f"<header>{element('h1', title)}{element('p', span, 'soft')}</header>",
        _sums(report),
        "<h2>Sent a day</h2>",
        chart([(day.date, day.email, day.text) for day in report.days]),
        "<h2>The next days</h2>",
        chart(coming),
        _cannot(report),
        *_flows(report.steps),
        element("p", _DELIVERED, "soft"),
        "<h2>Failures by reason</h2>",
        _failures(report),
    ]
    return page(title, "\n".join(body), _STYLE + CHART_STYLE)


def _sums(report: Report) -> str:
    sent = sum(day.email + day.text for day in report.days)
    failed = sum(one.count for one in report.failures)
    undelivered = sum(step.bounced for step in report.steps)
    opted_out = sum(step.opted_out for step in report.steps)
    delivered = sum(step.delivered for step in report.steps)
    is_texts = not any(step.delivered for step in report.steps if step.type == Channel.EMAIL)
    sums = [
        ("sent", sent, ""),
        ("texts delivered" if is_texts else "delivered", delivered, ""),
        ("not delivered", undelivered, _percent(undelivered, sent)),
        ("failed", failed, _percent(failed, sent + failed)),
        ("opted out", opted_out, _percent(opted_out, sent)),
        ("waiting", sum(step.pending for step in report.steps), ""),
    ]
    tiles = "".join(
        f'<div class="card"><b>{number:,}</b>{share}{element("div", name, "soft")}</div>'
        for name, number, share in sums
    )
    return f'<div class="sums">{tiles}</div>'


def _percent(part: int, whole: int) -> str:
    return element("span", f"{100 * part / whole:.1f} %", "soft") if part and whole else ""


def _cannot(report: Report) -> str:
    """What of the coming messages will not go unless something is done about it."""
    cannot = report.forecast.cannot
    reasons = {
        "in paused flows": cannot.paused,
        "to suppressed addresses": cannot.suppressed,
        "to leads without an address": cannot.no_address,
    }
    words = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
    return element("p", f"Not going as things are: {', '.join(words)}.", "soft") if words else ""


def _flows(steps: Sequence[StepFunnel]) -> Iterator[str]:
    for name, group in groupby(steps, key=lambda step: step.flow):
        own = list(group)
        paused = " (paused)" if own[0].is_paused else ""
        yield element("h2", f"Flow {name}{paused}")
        yield f'<ol class="steps">{"".join(map(_step, own))}</ol>'


def _step(step: StepFunnel) -> str:
    name = step.key or f"#{step.step_order}"
    when = f"day {step.day}, {step.time or 'immediately'}"
    off = "" if step.is_on else ", off"
    excerpt = one_line(step.subject or step.content or "", _FIRST_WORDS)
    return (
        f'<li class="{escape(step.type)}"><div class="card">{element("h3", name)}'
        f"{element('p', f'{step.type}, {when}{off}', 'soft')}{element('p', excerpt)}"
        f"{_funnel(step)}{_share(step)}</div></li>"
    )


def _funnel(step: StepFunnel) -> str:
    """Its numbers; a dash where no mail server has reported a delivery, which few do."""
    is_email = step.type == Channel.EMAIL
    is_unreported = is_email and step.sent and not step.delivered
    counts = {
        "sent": (step.sent, ""),
        "delivered": (None if is_unreported else step.delivered, "good"),
        "bounced" if is_email else "not delivered": (step.bounced, "bad"),
        "failed": (step.failed, "bad"),
        "cancelled": (step.cancelled, ""),
        "opted out": (step.opted_out, "wait"),
        "waiting": (step.pending, ""),
    }
    shown = "".join(
        f"<div>{element('dt', word)}"
        f"{element('dd', '—' if number is None else f'{number:,}', css if number else '')}</div>"
        for word, (number, css) in counts.items()
    )
    return f'<dl class="funnel">{shown}</dl>'


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
