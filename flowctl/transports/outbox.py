"""Messages as files instead of sends: what ``--outbox`` and the demo write."""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from flowctl.errors import InputError
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import EmailSettings
from flowctl.text import one_line
from flowctl.transports.mime import Composer


class OutboxTransport:
    """Writes one file a message, named for the message's id: a repeated send changes nothing.

    An email is ``ID.eml``, the very bytes that SMTP would get; a text is ``ID.txt``: lines for To,
    From and Lead, an empty line, and the body as it is. A file appears whole or not at all.
    ``date`` is the Date of the emails, if not the machine's. Raises InputError where the directory
    cannot be made or written to.
    """

    def __init__(
        self,
        directory: Path,
        channel: Channel,
        email_settings: EmailSettings | None = None,
        *,
        text_sender: str | None = None,
        date: datetime | None = None,
    ) -> None:
        self.channel = channel
        self._directory = os.fspath(directory)
        self._composer = Composer(email_settings or EmailSettings(), date=date)
        self._text_sender = text_sender
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(directory, error.strerror) from error
        if not os.access(directory, os.W_OK | os.X_OK):
            raise _unusable(directory, "no right to write there")

    def send(self, message: OutgoingMessage) -> Outcome:
        """Write the file. A full disk or a vanished directory stops the channel."""
        if self.channel is Channel.EMAIL:
            try:
                content = self._composer.compose(message)
            except ValueError as error:
                return Outcome(
                    OutcomeKind.REFUSED, detail=one_line(str(error)), blames_recipient=True
                )
            name, provider_id = f"{message.id}.eml", self._composer.message_id(message)
        else:
            content = self._text_file(message)
            name = provider_id = f"{message.id}.txt"
        try:
            self._write(name, content)
        except OSError as error:
            return Outcome(
                OutcomeKind.CHANNEL_STOPPED,
                detail=one_line(f"cannot write to the outbox: {error.strerror}"),
                hint=f"make room in {self._directory}, or name another directory with --outbox",
            )
        return Outcome(OutcomeKind.ACCEPTED, provider_id=provider_id)

    def stop(self) -> None:
        """Nothing waits here before it is handed over."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def _text_file(self, message: OutgoingMessage) -> bytes:
        lines = [f"To: {one_line(message.recipient)}"]
        sender = (message.sender or {}).get("text_from") or self._text_sender
        if sender is not None:
            lines.append(f"From: {one_line(sender)}")
        lines.append(f"Lead: {one_line(message.lead_id)}")
        return ("\n".join(lines) + "\n\n" + message.text).encode()

    def _write(self, name: str, content: bytes) -> None:
        # Plain system calls: Path and open() cost as much again as making the file.
        path = f"{self._directory}/{name}"
        unfinished = f"{self._directory}/.{name}.{os.getpid()}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            try:
                written = os.write(descriptor, content)
                while written < len(content):
                    written += os.write(descriptor, content[written:])
            finally:
                os.close(descriptor)
            os.replace(unfinished, path)  # noqa: PTH105 - see above
        except OSError:
            with suppress(OSError):
                os.unlink(unfinished)  # noqa: PTH108 - see above
            raise


def _unusable(directory: Path, reason: str | None) -> InputError:
    return InputError(
        f"cannot use {directory} as the outbox: {reason}",
        hint="name a directory of your own with --outbox",
    )
