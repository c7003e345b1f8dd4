"""What strangers write into forms, and what must not come of it."""

HOSTILE = (
    "[bold]Ada[/bold] [/x] \x1b[2J\u202egpj.exe <script>alert(1)</script> \"'=cmd|x {{ email }}"
)
"""Markup of a terminal library, an escape sequence, a bidirectional override, HTML, a formula of a
spreadsheet, a template."""

FORBIDDEN = ("\x1b", "\u202e", "\x9b", "\x07")
"""Characters that a terminal obeys."""
