"""Sending mails: through an SMTP server, or into a folder while there is none.

A mail goes out at least once and always under the same Message-ID, by which mail programs know it again.
"""

import os
import smtplib
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog

from luna_web.shared.config import Settings, SmtpSecurity

log = structlog.get_logger(__name__)
MOST_SECONDS = 20.0
"""For one mail, whatever the server does: the transaction that it belongs to must not wait longer."""
NOWHERE = "neither LUNA_SMTP_HOST nor LUNA_MAIL_DIR is set"


class MailNotSent(Exception):
    """The server is away or said no. The text names neither addresses nor what was in the mail."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A plain text mail. `id` makes its Message-ID: the same id is the same mail."""

    id: UUID
    to: str
    subject: str
    text: str


class Mailer(Protocol):
    def send(self, mail: Mail) -> None:
        """Hand the mail on. Raises MailNotSent."""
        ...


def make_mailer(settings: Settings) -> Mailer:
    """The SMTP server if one is named, else the folder, else one that says what is missing."""
    if settings.smtp_host is not None:
        return SmtpMailer(settings)
    if settings.mail_dir is not None:
        return FolderMailer(Path(settings.mail_dir), settings)
    log.warning("no_mail", why=NOWHERE)
    return NoMailer()


def composed(mail: Mail, settings: Settings) -> EmailMessage:
    """The mail as it travels (RFC 5322). What was typed into addresses cannot become headers or further addresses."""
    name, sender = parseaddr(settings.mail_from)
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = Address(name, *_halves(sender))
    message["To"] = Address("", *_halves(mail.to))
    message["Subject"] = mail.subject
    message["Message-ID"] = f"<{mail.id}@{_halves(sender)[1]}>"
    message["Date"] = formatdate()
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
    message.set_content(mail.text)
    return message


class SmtpMailer:
    """One connection for each mail. Certificates are checked against `smtp_ca_file` or the system's authorities."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._tls = ssl.create_default_context(cafile=settings.smtp_ca_file)

    def send(self, mail: Mail) -> None:
        deadline = self._monotonic() + MOST_SECONDS
        try:
            with self._connected() as server:
                self._greet(server)
                self._hurry(server, deadline)
                server.send_message(composed(mail, self._settings), to_addrs=[mail.to])
        except smtplib.SMTPResponseException as error:
            raise MailNotSent(f"the SMTP server answered {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise MailNotSent(f"the SMTP server refused the recipient: {codes}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailNotSent(f"the SMTP server cannot be used: {type(error).__name__}") from None
        log.info("mail_sent", mail=str(mail.id))

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        host, port, timeout = settings.smtp_host or "", settings.smtp_port, settings.smtp_timeout_seconds
        if settings.smtp_security is SmtpSecurity.TLS:
            return smtplib.SMTP_SSL(host, port, timeout=timeout, context=self._tls)
        return smtplib.SMTP(host, port, timeout=timeout)

    def _greet(self, server: smtplib.SMTP) -> None:
        if self._settings.smtp_security is SmtpSecurity.STARTTLS:
            server.starttls(context=self._tls)
        if self._settings.smtp_user is not None:
            password = self._settings.smtp_password
            server.login(self._settings.smtp_user, password.get_secret_value() if password else "")

    def _hurry(self, server: smtplib.SMTP, deadline: float) -> None:
        """What is left of the time is for four more answers: to MAIL, RCPT, DATA and the mail itself."""
        left = (deadline - self._monotonic()) / 4
        if left <= 0 or server.sock is None:
            raise MailNotSent("the SMTP server is too slow")
        server.sock.settimeout(min(left, self._settings.smtp_timeout_seconds))


class FolderMailer:
    """Lays each mail into a folder as an `.eml` file, which any mail program opens. The log says where."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings

    def send(self, mail: Mail) -> None:
        path = self._folder / f"{mail.id}.eml"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, composed(mail, self._settings).as_bytes())
        except OSError as error:
            raise MailNotSent(f"{self._folder} cannot be written: {error.strerror}") from None
        log.info("mail_in_folder", mail=str(mail.id), path=str(path))


class NoMailer:
    """Refuses every mail, since nobody said how to send one."""

    def send(self, mail: Mail) -> None:
        raise MailNotSent(NOWHERE)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; only the owner may read it (mode 0600)."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _halves(address: str) -> tuple[str, str]:
    local, _, domain = address.rpartition("@")
    return local, domain
