"""What is wrong with a set-up, and what to type next.

The doctor changes nothing. Every check is by itself: one that fails is a fault of its own and does
not end the examination, and what the role may not see is a note.
"""

from flowctl.doctor.check import Check, Grade
from flowctl.doctor.checks import Report, examine
from flowctl.doctor.variables import ValidSettings, misplaced, valid_settings

__all__ = ["Check", "Grade", "Report", "ValidSettings", "examine", "misplaced", "valid_settings"]
