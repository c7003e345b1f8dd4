"""In how many pieces a text message travels, each of which costs as much as a message.

The rules are those of 3GPP TS 23.038 (the GSM-7 alphabet) and 23.040 (long messages): 160
characters of GSM-7, or 153 in each piece of several; 70 units of UCS-2, or 67. A character of the
extension table takes two places and is not torn apart, nor is a surrogate pair
(https://www.twilio.com/docs/glossary/what-sms-character-limit).
"""

from collections.abc import Iterable
from dataclasses import dataclass

GSM_7, UCS_2 = "GSM-7", "UCS-2"

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_LAST_OF_ONE_UNIT = "\uffff"

_GSM_7_PLACES = (160, 153)
_UCS_2_PLACES = (70, 67)


@dataclass(frozen=True, slots=True)
class Segments:
    """The pieces of a text. ``cause`` is its first character that GSM-7 does not have, and that
    makes all of it UCS-2; empty where there is none."""

    count: int
    encoding: str
    cause: str = ""


def segments(text: str) -> Segments:
    """The pieces in which a text travels; an empty one is none."""
    cause = next((char for char in text if char not in _BASIC and char not in _EXTENDED), "")
    if cause:
        widths = (1 if char <= _LAST_OF_ONE_UNIT else 2 for char in text)
        return Segments(_pieces(widths, *_UCS_2_PLACES), UCS_2, cause)
    widths = (1 if char in _BASIC else 2 for char in text)
    return Segments(_pieces(widths, *_GSM_7_PLACES), GSM_7)


def _pieces(widths: Iterable[int], alone: int, each: int) -> int:
    """How many pieces hold characters of these widths, none of which is torn apart."""
    taken = list(widths)
    if sum(taken) <= alone:
        return 1 if taken else 0
    pieces, room = 1, each
    for width in taken:
        if width > room:
            pieces, room = pieces + 1, each
        room -= width
    return pieces
