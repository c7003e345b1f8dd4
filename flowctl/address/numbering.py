"""Numbers that changed: what reached a handset once, and what reaches it now.

Each rule is a pattern of an E.164 number and its replacement, in what Python's and PostgreSQL's
regular expressions have in common: ``sql/routines/comparable_phone.sql`` has the same ones.
"""

import re

SPREADSHEET_NUMBER = re.compile(r"^ *(\+?[0-9]{5,})\.0 *$")
"""A number that a spreadsheet, or pandas, took for a quantity."""

_RENUMBERED = (
    # Mexico, 3 August 2019 (IFT, Plan Técnico Fundamental de Numeración): one form for every
    # number; 1 from abroad, 01 and 044 and 045 at home are gone.
    (r"^\+52(?:1|01|04[45])([0-9]{10})$", r"+52\1"),
    # Brazil, 2012 to 6 November 2016 (Anatel, Resolução 553/2010): mobiles got a ninth digit.
    # Eight digits after the area code are a mobile's where they begin with 6 to 9.
    (r"^\+55([1-9][0-9])([6-9][0-9]{7})$", r"+55\g<1>9\2"),
    # Ivory Coast, 31 January 2021 (ARTCI; ITU Operational Bulletin): 01 Moov, 05 MTN, 07 Orange.
    (r"^\+225((?:0[1-3]|[457][0-3])[0-9]{6})$", r"+22501\1"),
    (r"^\+225((?:0|[4-9])[4-6][0-9]{6})$", r"+22505\1"),
    (r"^\+225((?:0|[4-9])[7-9][0-9]{6})$", r"+22507\1"),
    # Benin, 30 November 2024 (ARCEP Bénin): 01 before every number.
    (r"^\+229([2-9][0-9]{7})$", r"+22901\1"),
)

_TRUNK = (
    # What is dialled at home stands after the country's code all the same: the trunk prefix 0, and
    # in Brazil (Anatel, Resolução 749/2022) and Colombia (CRC, until 1 September 2021) the two, or
    # one, digits of the carrier after it.
    (r"^\+54(9?)0([1-3][0-9]{9,11})$", r"+54\1\2"),
    (r"^\+550(?:[1-9][0-9])?([1-9][0-9][2-9][0-9]{7,8})$", r"+55\1"),
    (r"^\+570[34579]?(3[0-9]{9})$", r"+57\1"),
)

_ONE_HANDSET = (
    # Argentina: a mobile is dialled with a 9 from abroad and known without it (ENACOM); no number
    # is a mobile's with the 9 and another's without.
    (r"^\+549([0-9]{10})$", r"+54\1"),
    # ... and at home with a 15 after the area code, which some write after +54 too
    (r"^\+549?(11)15([0-9]{8})$", r"+54\1\2"),
    (r"^\+549?([23][0-9]{2})15([0-9]{7})$", r"+54\1\2"),
    (r"^\+549?([23][0-9]{3})15([0-9]{6})$", r"+54\1\2"),
)

_CHANGED = ("+52", "+54", "+55", "+57", "+225", "+229")
_HOME = [(re.compile(pattern), to) for pattern, to in _TRUNK]
_TODAY = [(re.compile(pattern), to) for pattern, to in _RENUMBERED]
_SAME = [(re.compile(pattern), to) for pattern, to in _ONE_HANDSET]


def todays(number: str) -> str:
    """The number that reaches the handset today, of one in E.164."""
    if not number.startswith(_CHANGED):
        return number
    for pattern, replacement in _TODAY:
        number = pattern.sub(replacement, number)
    return number


def handset(number: str) -> str:
    """One number for all that reach the same handset, of one in E.164."""
    if not number.startswith(_CHANGED):
        return number
    for pattern, replacement in _HOME:
        number = pattern.sub(replacement, number)
    number = todays(number)
    for pattern, replacement in _SAME:
        number = pattern.sub(replacement, number)
    return number


def dialled_at_home(number: str) -> list[str]:
    """Further forms of a number that ``handset`` gave: an Argentine mobile with the 15 after its
    area code, whose length (2, 3 or 4 digits) the number does not say."""
    if not re.fullmatch(r"\+54[0-9]{10}", number):
        return []
    lengths = (2,) if number.startswith("+5411") else (3, 4)
    return [f"{number[: 3 + length]}15{number[3 + length :]}" for length in lengths]
