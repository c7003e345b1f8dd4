"""Messages a day as bars: SVG that stretches, with labels in HTML that stay readable on a phone."""

from collections.abc import Sequence
from datetime import date

from flowctl.html import element

STYLE = """
.chart svg { display: block; height: 8rem; width: 100%; }
.chart .email { fill: var(--email); } .chart .text { fill: var(--text); }
.days { border-top: 1px solid var(--line); color: var(--soft); display: grid; font-size: .75rem;
  font-variant-numeric: tabular-nums; line-height: 1.4; padding-top: .3rem; }
.days b { color: var(--ink); display: block; } .days.each { text-align: center; }
.key { margin-right: .75rem; }
.key::before { border-radius: 2px; content: ""; display: inline-block; height: .7rem;
  margin-right: .35rem; width: .7rem; }
.key.email::before { background: var(--email); } .key.text::before { background: var(--text); }
"""

_HEIGHT = 100
_WIDTH = 600
_BAR = 0.75
"""Which part of a day's width its bar takes."""

_FEW = 8
"""Up to so many days each has a label of its own, with its number."""

_LABELS = 6
"""How many labels at most of more days: a phone has room for them."""

Day = tuple[date, int, int]
"""A day with its emails and texts."""


def chart(days: Sequence[Day]) -> str:
    """Emails and texts of each day, one on the other, to the scale of the fullest."""
    most = max((email + text for _, email, text in days), default=0)
    if not most:
        return element("p", "Nothing.", "soft")
    bars = "".join(_bar(number, day, len(days), most) for number, day in enumerate(days))
    return (
        '<div class="card chart"><p class="soft"><span class="key email">emails</span>'
        f'<span class="key text">texts</span>at most {most:,} a day</p>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="messages a day, at most {most:,}">{bars}</svg>{_labels(days)}</div>'
    )


def _bar(number: int, day: Day, days: int, most: int) -> str:
    on, email, text = day
    step = _WIDTH / days
    x, wide, base = (number + (1 - _BAR) / 2) * step, step * _BAR, float(_HEIGHT)
    marks = [element("title", f"{on:%a %-d %b}: {email:,} emails, {text:,} texts")]
    for kind, count in (("email", email), ("text", text)):
        tall = _HEIGHT * count / most
        base -= tall
        marks.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{base:.1f}" width="{wide:.1f}" '
            f'height="{tall:.1f}"/>'
        )
    return f"<g>{''.join(marks)}</g>"


def _labels(days: Sequence[Day]) -> str:
    """Under each of a few days its name and number, else every so many days the date."""
    if len(days) <= _FEW:
        names = "".join(
            f"<span>{on:%a} {on.day}<b>{email + text:,}</b></span>" for on, email, text in days
        )
        return f'<div class="days each" style="{_columns(len(days))}">{names}</div>'
    stride = -(-len(days) // _LABELS)
    names = "".join(
        f'<span style="grid-column:span {stride}">{days[first][0]:%-d %b}</span>'
        for first in range(0, len(days) - stride + 1, stride)
    )
    return f'<div class="days" style="{_columns(len(days))}">{names}</div>'


def _columns(count: int) -> str:
    return f"grid-template-columns:repeat({count},minmax(0,1fr))"
