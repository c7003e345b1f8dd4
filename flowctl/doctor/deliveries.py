"""Whether messages arrive, as far as ``reconcile`` has asked or read."""

from collections import Counter
from collections.abc import Sequence

from flowctl.database import Connection
from flowctl.doctor.check import Check, counted, fault, note, ok
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store

LAST = 20
"""Texts of which the end is known, the newest first."""

LAST_EMAILS = 1000
"""Emails of a week that are looked at, the newest first."""

MOST_RETURNED = 0.05
"""The share of emails that may come back before it is worth a look: providers grow wary there."""

MOST_COMPLAINED = 0.003
"""The share of complaints that Gmail and Yahoo ask to stay below: Email sender guidelines,
https://support.google.com/a/answer/81126."""

_SHOW = "flowctl messages list --undelivered"


def texts(connection: Connection, _: Settings) -> Sequence[Check]:
    """What became of the last texts; a fault where most failed for a reason of the account."""
    last = doctor_store.last_deliveries(connection, LAST)
    failed = [delivery.code for delivery in last if delivery.is_undelivered]
    if not failed:
        return [ok("deliveries", "no text of late is known not to have arrived")]
    codes = Counter(code or "no code" for code in failed)
    reasons = ", ".join(f"{number} for {code}" for code, number in codes.most_common())
    detail = f"{len(failed)} of the last {counted(len(last), 'text')} not delivered: {reasons}"
    of_account = [code for code in failed if code is not None and _is_of_account(code)]
    if 2 * len(of_account) > len(last):
        return [fault("deliveries", detail, _hint(Counter(of_account).most_common(1)[0][0]))]
    if 2 * len(failed) > len(last):
        return [note("deliveries", detail, _SHOW)]
    return [ok("deliveries", detail)]


def emails(connection: Connection, _: Settings) -> Sequence[Check]:
    """What became of the last emails; a fault where most were refused for the sender's fault."""
    name = "email deliveries"
    last = doctor_store.returned_emails(connection, LAST_EMAILS)
    returned = last.bounced + last.refused
    if not returned + last.complained:
        return [ok(name, "no email of this week is known to have come back")]
    detail = (
        f"of the last {counted(last.emails, 'email')} {last.bounced} bounced, "
        f"{last.refused} refused for the sender's fault, {last.complained} complained of"
    )
    if 2 * last.refused > last.emails:
        return [fault(name, detail, f"{_SHOW} says why each was; see docs/providers.md")]
    if returned > MOST_RETURNED * last.emails:
        return [note(name, detail, _SHOW)]
    if last.complained > MOST_COMPLAINED * last.emails:
        return [note(name, detail, "flowctl suppressions list --source complaint")]
    return [ok(name, detail)]


def _is_of_account(code: str) -> bool:
    from flowctl.transports.twilio.codes import judge_delivery
    from flowctl.transports.twilio.meanings import Meaning

    return code.isdecimal() and judge_delivery(int(code), None) in {
        Meaning.ACCOUNT,
        Meaning.FILTERED,
    }


def _hint(code: str) -> str:
    from flowctl.transports.twilio.codes import delivery_hint

    page = f"https://www.twilio.com/docs/api/errors/{code}"
    hint = delivery_hint(int(code))
    return f"{hint} ({page})" if hint else f"see {page}; {_SHOW}"
