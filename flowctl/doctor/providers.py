"""Whether the providers would take messages from us; nothing is sent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowctl.doctor.check import Check, fault, note, ok
from flowctl.model import Channel, Outcome, OutcomeKind
from flowctl.settings import Settings, TwilioSettings

if TYPE_CHECKING:
    from flowctl.transports.twilio import TwilioTransport

_RESERVED = ("example.com", "example.net", "example.org")
_RESERVED_ENDS = (".example", ".invalid", ".localhost", ".test", ".local")
"""Names of no mail domain (RFC 2606, RFC 6761, RFC 6762)."""

_MAILBOX_HOSTS = {
    "aol.com": "aol.com",
    "gmail.com": "gmail.com",
    "googlemail.com": "gmail.com",
    "hotmail.com": "office365.com",
    "icloud.com": "mail.me.com",
    "live.com": "office365.com",
    "me.com": "mail.me.com",
    "outlook.com": "office365.com",
    "yahoo.com": "yahoo.com",
}
"""Large mailbox providers, and where their own submission servers are: mail from their addresses
that comes from elsewhere fails DMARC."""


def email(settings: Settings) -> Sequence[Check]:
    """Connect to the SMTP server, start TLS, log in."""
    missing = settings.missing[Channel.EMAIL]
    if settings.smtp is None or settings.email.sender is None:
        return [_not_configured("email", settings, missing)]
    from flowctl.transports.smtp import SmtpTransport

    transport = SmtpTransport(settings.smtp, settings.email, concurrency=1)
    try:
        outcome = transport.greet()
    finally:
        transport.close()
    where = f"{settings.smtp.host}:{settings.smtp.port}"
    if outcome.kind is not OutcomeKind.ACCEPTED:
        return [_refused("email", where, outcome, "check SMTP_URL")]
    return [ok("email", f"{where}: {outcome.detail}")]


def email_sender(settings: Settings) -> Sequence[Check]:
    """What emails say of their sender."""
    sender = settings.email.sender
    if sender is None:
        return []
    domain = sender.domain.lower()
    if "." not in domain or domain in _RESERVED or domain.endswith(_RESERVED_ENDS):
        hint = "set EMAIL_FROM to an address of a domain that is yours"
        return [note("email sender", f"EMAIL_FROM: nobody can answer to {domain}", hint)]
    own_servers = _MAILBOX_HOSTS.get(domain)
    if own_servers and settings.smtp and not settings.smtp.host.lower().endswith(own_servers):
        detail = f"EMAIL_FROM: mail of {domain} from another server is taken for forged (DMARC)"
        return [
            note("email sender", detail, "set EMAIL_FROM to an address of a domain of your own")
        ]
    if not settings.email.unsubscribe:
        detail = "emails have no List-Unsubscribe: the large providers want one (RFC 8058)"
        hint = "set EMAIL_UNSUBSCRIBE=https://example.com/unsubscribe?id={message_id}"
        return [note("email sender", detail, hint)]
    return [ok("email sender", f"from {sender.address}, with List-Unsubscribe")]


def returned_mail(settings: Settings) -> Sequence[Check]:
    """Whether mail that comes back finds its way here, and who clicks an unsubscribe link."""
    email = settings.email
    if email.sender is None:
        return []
    found = []
    domain = (email.return_path or email.sender.address).rpartition("@")[2].lower()
    if not _are_related(domain, email.sender.domain.lower()):
        detail = (
            f"EMAIL_RETURN_PATH is in {domain}, EMAIL_FROM in another domain: SPF does not align"
        )
        found.append(note("returned mail", detail, f"use a domain of {email.sender.domain}"))
    if any("/rest/v1/rpc/" in uri for uri in email.unsubscribe):
        detail = (
            "EMAIL_UNSUBSCRIBE names a PostgREST function, which one click cannot call (RFC 8058)"
        )
        hint = "put a page between that calls public.unsubscribe: docs/mail.md has one"
        found.append(fault("returned mail", detail, hint))
    if settings.mailbox is None:
        detail = "MAILBOX_URL is not set: bounces are read only where an alias or cron names them"
        found.append(note("returned mail", detail, "see docs/mail.md"))
    return found or [ok("returned mail", f"comes back to {domain}, is read from MAILBOX_URL")]


def _are_related(one: str, other: str) -> bool:
    """Whether one domain is the other or lies in it; the public suffix list would know more."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def text(settings: Settings) -> Sequence[Check]:
    """Ask Twilio for the account and the sender."""
    if settings.twilio is None:
        return [_not_configured("text", settings, settings.missing[Channel.TEXT])]
    from flowctl.transports.twilio import TwilioTransport

    transport = TwilioTransport(settings.twilio)
    try:
        return [_twilio(transport, settings.twilio)]
    finally:
        transport.close()


def text_countries(settings: Settings) -> Sequence[Check]:
    """What keeps whoever fills a form from having texts sent to any country."""
    if settings.twilio is None:
        return []
    if settings.text_countries is None:
        detail = "texts go to any country that a lead's number names"
        return [note("text countries", detail, "set FLOWCTL_TEXT_COUNTRIES, such as US,CA")]
    return [ok("text countries", "only " + ", ".join(sorted(settings.text_countries)))]


def _twilio(transport: "TwilioTransport", settings: TwilioSettings) -> Check:
    from flowctl.transports.twilio import account

    found = account.fetch_account(transport, settings)
    if isinstance(found, Outcome):
        if found.code == account.TEST_CREDENTIALS:
            detail = "these are test credentials: Twilio takes texts and sends none"
            return note("text", detail, "set the live TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
        hint = "check TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_API_URL"
        return _refused("text", "Twilio", found, hint)
    if found.status != "active":
        detail = f"the Twilio account is {found.status}"
        return fault("text", detail, "see the Twilio console: no text will go out")
    sender = account.fetch_sender(transport, settings)
    if isinstance(sender, Outcome):
        return _refused("text", "Twilio's answer about the sender", sender, account.CHECK_SENDER)
    if sender.is_known is False:
        return fault("text", f"the account has no number {sender.name}", account.CHECK_SENDER)
    if sender.sends_texts is False:
        return fault("text", f"{sender.name} cannot send texts", account.CHECK_SENDER)
    if found.kind == "Trial":
        detail = f"a trial account, from {sender.name}: it texts verified numbers only"
        return note("text", detail, "upgrade it in the Twilio console")
    if sender.is_known is None:
        detail = f"the account is active; the sender {sender.name} cannot be looked up"
        return note("text", detail, "flowctl steps test KEY --to YOUR-NUMBER shows that it works")
    return ok("text", f"the account is active, the sender {sender.name} known")


def _not_configured(name: str, settings: Settings, missing: Sequence[str]) -> Check:
    """Nothing to be said where nothing is set; something where only a part is."""
    prefixes = ("SMTP_", "EMAIL_") if name == "email" else ("TWILIO_",)
    begun = [n for n, value in settings.environ.items() if n.startswith(prefixes) and value.strip()]
    if begun and missing:
        return fault(name, f"only in part: {', '.join(begun)}", f"set {', '.join(missing)}")
    return ok(name, "not configured")


def _refused(name: str, where: str, outcome: Outcome, hint: str) -> Check:
    answer = f"{outcome.code} {outcome.detail}".strip()
    return fault(name, f"{where}: {answer}", outcome.hint or hint)
