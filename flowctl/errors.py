"""What can go wrong in a way a user can act on, and the exit status of each.

::

    FlowctlError
    ├── NeedsAttention       1   the command ran; something waits for a person
    ├── UsageError           2   options that contradict each other
    ├── InputError           3   what the user wrote: steps file, template, settings, an unknown id
    ├── DatabaseUnavailable  4   the database refused
    │   └── DatabaseUnreachable  it cannot be reached now, or the connection was lost
    │       ├── DatabaseBusy     it refuses for now: read-only, a lock, a timeout, no disk
    │       └── PasswordRefused
    ├── SchemaMismatch       5   the schema is missing, older or newer than this program
    ├── ProviderStopped      6   a provider refused the account or could not be reached
    └── TryLater             75  a mail server that hands a mail over is to keep it

Anything else that escapes is a bug of ours and exits with 70.
"""

from typing import ClassVar


class FlowctlError(Exception):
    """Base of all expected errors: one line that says what and where, and one that says what to do.

    ``details`` are further lines of the same kind as the message (every mistake of a steps file,
    say); they are printed below it.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class NeedsAttention(FlowctlError):
    """The command ran, and something needs a person: a difference, a fault, a question."""

    exit_code = 1


class UsageError(FlowctlError):
    """Options or arguments that do not go together."""

    exit_code = 2


class InputError(FlowctlError):
    """What the user wrote is wrong: a file, a template, a setting, an id that does not exist."""

    exit_code = 3


class DatabaseUnavailable(FlowctlError):
    """The database cannot be reached, or refused the connection or a right."""

    exit_code = 4


class DatabaseUnreachable(DatabaseUnavailable):
    """The database cannot be reached at the moment: trying again later may help."""


class DatabaseBusy(DatabaseUnreachable):
    """The database refuses at the moment (it is read-only, a lock or a timeout is in the way, its
    disk is full): trying again later may help."""


class PasswordRefused(DatabaseUnreachable):
    """The password was refused: trying again soon only gets the address banned (Supabase does)."""


class SchemaMismatch(FlowctlError):
    """The schema is missing, older or newer than this program."""

    exit_code = 5


class ProviderStopped(FlowctlError):
    """A provider refused the account or could not be reached; its messages stay pending."""

    exit_code = 6


class TryLater(FlowctlError):
    """What was handed over could not be taken now: EX_TEMPFAIL of sysexits.h, which mail servers
    know."""

    exit_code = 75
