"""The names of all variables, and what only looks like one of them."""

from collections.abc import Iterable

from flowctl.text import nearest

VARIABLES = (
    "DATABASE_URL",
    "SMTP_URL",
    "EMAIL_FROM",
    "EMAIL_REPLY_TO",
    "EMAIL_RETURN_PATH",
    "EMAIL_UNSUBSCRIBE",
    "EMAIL_HEADERS",
    "MAILBOX_URL",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_API_KEY",
    "TWILIO_API_SECRET",
    "TWILIO_FROM_NUMBER",
    "TWILIO_MESSAGING_SERVICE_SID",
    "TWILIO_EDGE",
    "TWILIO_REGION",
    "TWILIO_API_URL",
    "FLOWCTL_DEFAULT_REGION",
    "FLOWCTL_TEXT_COUNTRIES",
    "FLOWCTL_ONLY_TO",
    "FLOWCTL_MAX_PER_HOUR",
    "FLOWCTL_PING_URL",
    "FLOWCTL_DATA_DIR",
    "FLOWCTL_PG_BIN",
)
"""Every variable that is read; see README, "Configuration"."""

PREFIXES = ("SMTP_", "EMAIL_", "MAILBOX_", "TWILIO_", "FLOWCTL_")


def unknown_variables(names: Iterable[str]) -> dict[str, str | None]:
    """What begins like a variable of ours and is none, with the one that is probably meant."""
    return {
        name: nearest(name, VARIABLES)
        for name in names
        if name.startswith(PREFIXES) and name not in VARIABLES
    }
