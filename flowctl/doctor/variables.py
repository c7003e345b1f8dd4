"""The settings that can be read, where some of them cannot."""

from collections.abc import Mapping
from dataclasses import dataclass

from flowctl.doctor.check import Check, fault, ok
from flowctl.errors import InputError
from flowctl.settings import Settings

_OURS = ("SMTP_", "EMAIL_", "TWILIO_", "FLOWCTL_")


@dataclass(frozen=True, slots=True)
class ValidSettings:
    """The settings without the variables that are malformed, and what is to be said of these."""

    settings: Settings
    check: Check


def sound_settings(environ: Mapping[str, str]) -> ValidSettings:
    """Read each variable by itself, so that one that is malformed hides no other.

    Raises InputError for a malformed ``DATABASE_URL``: then there is nothing to look at.
    """
    Settings.from_env({"DATABASE_URL": environ.get("DATABASE_URL", "")})
    region = _default_region(environ)
    refused: dict[str, InputError] = {}
    for name, value in environ.items():
        if name.startswith(_OURS):
            try:
                Settings.from_env({**region, name: value})
            except InputError as error:
                refused[name] = error
    sound = {name: value for name, value in environ.items() if name not in refused}
    if not refused:
        return ValidSettings(Settings.from_env(sound), ok("settings", "every variable can be read"))
    return ValidSettings(
        Settings.from_env(sound),
        fault(
            "settings",
            "; ".join(error.message for error in refused.values()),
            "; ".join(dict.fromkeys(error.hint for error in refused.values())),
        ),
    )


def _default_region(environ: Mapping[str, str]) -> dict[str, str]:
    """The variable by which numbers in others are read, where it is there and no fault itself."""
    name = "FLOWCTL_DEFAULT_REGION"
    region = {name: environ.get(name, "")}
    try:
        Settings.from_env(region)
    except InputError:
        return {}
    return region
