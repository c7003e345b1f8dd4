"""Whether texts arrive, as far as ``reconcile`` has asked."""

from collections import Counter
from collections.abc import Sequence

from flowctl.database import Connection
from flowctl.doctor.check import Check, counted, fault, note, ok
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store

LAST = 20
"""Texts of which the end is known, the newest first."""

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
