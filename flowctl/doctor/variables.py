"""The settings that can be read, where some of them cannot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flowctl.doctor.check import Check, fault, note, ok, shown
from flowctl.errors import InputError
from flowctl.settings import Settings
from flowctl.settings.variables import PREFIXES, unknown_variables

_READABLE_BY_OTHERS = 0o044


@dataclass(frozen=True, slots=True)
class ValidSettings:
    """The settings without the variables that are malformed, and what is to be said of these."""

    settings: Settings
    check: Check


def valid_settings(environ: Mapping[str, str]) -> ValidSettings:
    """Read each variable by itself, so that one that is malformed hides no other.

    Raises InputError for a malformed ``DATABASE_URL``: then there is nothing to look at.
    """
    Settings.from_env({"DATABASE_URL": environ.get("DATABASE_URL", "")})
    region = _default_region(environ)
    refused: dict[str, InputError] = {}
    for name, value in environ.items():
        if name.startswith(PREFIXES):
            try:
                Settings.from_env({**region, name: value})
            except InputError as error:
                refused[name] = error
    valid = {name: value for name, value in environ.items() if name not in refused}
    if not refused:
        return ValidSettings(Settings.from_env(valid), ok("settings", "every variable can be read"))
    return ValidSettings(
        Settings.from_env(valid),
        fault(
            "settings",
            "; ".join(error.message for error in refused.values()),
            "; ".join(dict.fromkeys(error.hint for error in refused.values())),
        ),
    )


def misplaced(environ: Mapping[str, str], env_file: Path | None) -> Iterator[Check]:
    """Variables that nobody reads, and secrets that others can."""
    unknown = unknown_variables(environ)
    if unknown:
        named = [
            f"{name} (did you mean {meant}?)" if meant else name
            for name, meant in sorted(unknown.items())
        ]
        yield note("variables", f"not read: {shown(named)}", "rename it, or take it away")
    if env_file is not None and env_file.stat().st_mode & _READABLE_BY_OTHERS:
        yield note("env file", f"others may read {env_file}", f"chmod 600 {env_file}")


def _default_region(environ: Mapping[str, str]) -> dict[str, str]:
    """The variable by which numbers in others are read, where it is there and no fault itself."""
    name = "FLOWCTL_DEFAULT_REGION"
    region = {name: environ.get(name, "")}
    try:
        Settings.from_env(region)
    except InputError:
        return {}
    return region
