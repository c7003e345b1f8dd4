"""A lead's whole schedule, of a lead that exists or of one that does not: computed, never written.

The times come from the routine that schedules new leads, the content from the functions that render
what is sent, so a preview cannot disagree with either.
"""

from flowctl.preview.mergefields import field_warnings
from flowctl.preview.messages import Preview, PreviewedMessage
from flowctl.preview.page import html_page
from flowctl.preview.schedule import NewLead, preview_lead, preview_new_lead
from flowctl.preview.senders import senders
from flowctl.preview.wording import timestamp_text

__all__ = [
    "NewLead",
    "Preview",
    "PreviewedMessage",
    "field_warnings",
    "html_page",
    "preview_lead",
    "preview_new_lead",
    "senders",
    "timestamp_text",
]
