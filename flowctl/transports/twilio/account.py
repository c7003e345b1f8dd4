"""What Twilio says of the account and the sender: read only, nothing is sent."""

import re
from dataclasses import dataclass

from twilio.rest import Client

from flowctl.model import Outcome
from flowctl.settings import TwilioSettings
from flowctl.transports.twilio import TwilioTransport

TEST_CREDENTIALS = "20008"
"""What a test SID and token are answered to anything but a simulated send
(https://www.twilio.com/docs/iam/test-credentials)."""

CHECK_SENDER = "check TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID"

_NUMBER = re.compile(r"\+[0-9]{7,15}")


@dataclass(frozen=True, slots=True)
class Account:
    """``status`` is ``active``, ``suspended`` or ``closed``; ``kind`` is ``Full`` or ``Trial``."""

    status: str
    kind: str


@dataclass(frozen=True, slots=True)
class Sender:
    """A number or a messaging service; ``sends_texts`` is null where Twilio cannot be asked."""

    name: str
    is_known: bool | None
    sends_texts: bool | None = None


def fetch_account(transport: TwilioTransport, settings: TwilioSettings) -> Account | Outcome:
    """The account, or what the request came to instead."""

    def fetch(client: Client) -> Account:
        found = client.api.v2010.accounts(settings.account_sid).fetch()
        return Account(str(found.status), str(found.type))

    return transport.ask(fetch)


def fetch_sender(transport: TwilioTransport, settings: TwilioSettings) -> Sender | Outcome:
    """The sender, or what the request came to instead.

    Short codes and names as senders cannot be looked up: ``is_known`` is then null. A messaging
    service lives at another host of Twilio's, so behind ``TWILIO_API_URL`` it cannot be either.
    """
    service = settings.messaging_service_sid
    if service is not None:
        if settings.api_url is not None:
            return Sender(service, is_known=None)
        return transport.ask(lambda client: _service(client, service))
    number = settings.from_number or ""
    if not _NUMBER.fullmatch(number):
        return Sender(number, is_known=None)
    return transport.ask(lambda client: _number(client, number))


def _service(client: Client, sid: str) -> Sender:
    found = client.messaging.v1.services(sid).fetch()
    return Sender(str(found.sid), is_known=True, sends_texts=True)


def _number(client: Client, number: str) -> Sender:
    found = client.incoming_phone_numbers.list(phone_number=number, limit=1)
    if not found:
        return Sender(number, is_known=False)
    abilities: object = found[0].capabilities
    is_mute = isinstance(abilities, dict) and abilities.get("sms") is False
    return Sender(number, is_known=True, sends_texts=not is_mute)
