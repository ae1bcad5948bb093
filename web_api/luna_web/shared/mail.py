"""Sending mails: through an SMTP server, or into a folder while there is none.

A mail goes out at least once and always under the same Message-ID, by which mail programs know it again.
"""

import os
import smtplib
import ssl
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Protocol
from uuid import UUID

from luna_web.shared.config import Settings, SmtpSecurity
from luna_web.shared.loggers import structlog
from luna_web.shared.smtp import Deadline, TimedSmtp, TimedSmtpTls

log = structlog.get_logger(__name__)
MOST_SECONDS = 20.0
"""For one mail, from looking up the server's name to its last answer, whatever it does: the transaction that the mail
belongs to must not wait longer."""
FOR_GOOD = 500
NOWHERE = "neither LUNA_SMTP_HOST nor LUNA_MAIL_DIR is set"


class MailNotSent(Exception):
    """The server is away or said no; a later try may do. The text names neither addresses nor what was in the mail."""


class MailRefused(MailNotSent):
    """The server will not have this mail, now or later: its answer began with a 5 (RFC 5321, section 4.2.1)."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in plain text, and the same as HTML if there is any. `id` makes its Message-ID: same id, same mail."""

    id: UUID
    to: str
    subject: str
    text: str
    html: str | None = None


class Mailer(Protocol):
    def send(self, mail: Mail) -> None:
        """Hand the mail on. Raises MailNotSent, MailRefused."""
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
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message


class SmtpMailer:
    """One connection for each mail. Certificates are checked against `smtp_ca_file` or the system's authorities."""

    def __init__(self, settings: Settings, most_seconds: float = MOST_SECONDS) -> None:
        self._settings = settings
        self._most_seconds = most_seconds
        self._tls = ssl.create_default_context(cafile=settings.smtp_ca_file)

    def send(self, mail: Mail) -> None:
        deadline = Deadline(self._most_seconds)
        try:
            self._hand_over(composed(mail, self._settings), mail.to, deadline)
        except (smtplib.SMTPException, OSError) as error:
            raise _failure(error, deadline) from None
        finally:
            deadline.close()
        log.info("mail_sent", mail=str(mail.id))

    def _hand_over(self, message: EmailMessage, to: str, deadline: Deadline) -> None:
        server = self._connected(deadline)
        try:
            self._greet(server)
            server.send_message(message, to_addrs=[to])
            # An answer that was cut off may look like one: better sent twice than not at all.
            deadline.within(0)
            # The mail is the server's now, whatever it says to a farewell.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()

    def _connected(self, deadline: Deadline) -> smtplib.SMTP:
        settings = self._settings
        host, port, timeout = settings.smtp_host or "", settings.smtp_port, settings.smtp_timeout_seconds
        if settings.smtp_security is SmtpSecurity.TLS:
            return TimedSmtpTls(deadline, host, port, timeout=timeout, context=self._tls)
        return TimedSmtp(deadline, host, port, timeout=timeout)

    def _greet(self, server: smtplib.SMTP) -> None:
        if self._settings.smtp_security is SmtpSecurity.STARTTLS:
            server.starttls(context=self._tls)
        if self._settings.smtp_user is not None:
            password = self._settings.smtp_password
            server.login(self._settings.smtp_user, password.get_secret_value() if password else "")


def _failure(error: Exception, deadline: Deadline) -> MailNotSent:
    """What is told of a failure: nothing that the server said beside its codes, since it may repeat the mail."""
    if deadline.is_over:
        return MailNotSent(f"the SMTP server is too slow: not done in {deadline.seconds:g} s")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return _refusal(codes[0])(f"the SMTP server refused the recipient: {codes}")
    if isinstance(error, smtplib.SMTPDataError):
        return _refusal(error.smtp_code)(f"the SMTP server answered {error.smtp_code}")
    if isinstance(error, smtplib.SMTPResponseException):
        return MailNotSent(f"the SMTP server answered {error.smtp_code}")
    return MailNotSent(f"the SMTP server cannot be used: {type(error).__name__}")


def _refusal(code: int) -> type[MailNotSent]:
    return MailRefused if code >= FOR_GOOD else MailNotSent


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
