"""Mails through a real SMTP server, and into a folder."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from luna_web.shared.config import Settings, SmtpSecurity
from luna_web.shared.mail import FolderMailer, Mail, MailNotSent, MailRefused, NoMailer, SmtpMailer, make_mailer

MAIL = Mail(UUID(int=7), "ada@example.org", "Für Ada", "Hello,\n.\nlink: https://luna.example.org/x#token=abc\n")


class Mailbox:
    """An SMTP server's inside: keeps what comes, or answers with `refusal`."""

    def __init__(self, refusal: dict[str, str]) -> None:
        self.refusal = refusal
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - the server's own name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.refusal:
            return self.refusal["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.refusal:
            return self.refusal["DATA"]
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@pytest.fixture
def serve(certificate: Path) -> Iterator[Callable[..., tuple[Mailbox, Settings]]]:
    """`serve(SmtpSecurity.STARTTLS)`: a server that wants it, and the settings that lead to it."""
    with ExitStack() as stack:

        def start(
            security: SmtpSecurity, refusal: dict[str, str] | None = None, login: tuple[str, str] | None = None
        ) -> tuple[Mailbox, Settings]:
            mailbox = Mailbox(refusal or {})
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(certificate)
            options: dict[str, Any] = {"hostname": "127.0.0.1", "port": 0, "ready_timeout": 60}
            if security is SmtpSecurity.STARTTLS:
                options |= {"tls_context": tls, "require_starttls": True}
            if security is SmtpSecurity.TLS:
                options |= {"ssl_context": tls}
            if login:
                options |= {"authenticator": _knows(login), "auth_required": True, "auth_require_tls": False}
            controller = _Controller(mailbox, **options)
            controller.start()
            stack.callback(controller.stop)
            assert controller.server is not None
            port = controller.server.sockets[0].getsockname()[1]
            return mailbox, settings(port, security, certificate)

        yield start


class _Controller(Controller):
    """On a port that the system chooses."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def _knows(login: tuple[str, str]) -> Callable[..., AuthResult]:
    wanted = LoginPassword(login[0].encode(), login[1].encode())
    return lambda server, session, envelope, mechanism, data: AuthResult(success=data == wanted, handled=False)


def settings(port: int, security: SmtpSecurity, certificate: Path | None = None, **more: Any) -> Settings:
    """With more patience than can be configured: what is slow here is the machine."""
    found = Settings(
        _env_file=None,
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security=security,
        smtp_ca_file=str(certificate) if certificate else None,
        mail_from="The library <luna@library.example>",
        **more,
    )
    return found.model_copy(update={"smtp_timeout_seconds": 60})


@pytest.mark.parametrize("security", list(SmtpSecurity))
def test_a_mail_arrives_as_it_was_meant(serve: Callable[..., tuple[Mailbox, Settings]], security: SmtpSecurity) -> None:
    mailbox, found = serve(security)

    SmtpMailer(found).send(MAIL)

    (envelope,) = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("luna@library.example", ["ada@example.org"])
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert (message["Subject"], message["From"]) == ("Für Ada", "The library <luna@library.example>")
    assert message["Message-ID"] == f"<{MAIL.id}@library.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == MAIL.text  # type: ignore[attr-defined]


def test_it_logs_in(serve: Callable[..., tuple[Mailbox, Settings]]) -> None:
    mailbox, found = serve(SmtpSecurity.STARTTLS, login=("luna", "secret"))
    known = found.model_copy(update={"smtp_user": "luna", "smtp_password": SecretStr("secret")})

    SmtpMailer(known).send(MAIL)
    assert len(mailbox.envelopes) == 1
    with pytest.raises(MailNotSent, match="535"):
        SmtpMailer(known.model_copy(update={"smtp_password": SecretStr("wrong")})).send(MAIL)


@pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
def test_a_server_that_nobody_vouches_for_gets_nothing(
    serve: Callable[..., tuple[Mailbox, Settings]], security: SmtpSecurity
) -> None:
    mailbox, found = serve(security)

    with pytest.raises(MailNotSent, match="SSLCertVerificationError"):
        SmtpMailer(found.model_copy(update={"smtp_ca_file": None})).send(MAIL)
    assert mailbox.envelopes == []


def test_where_starttls_is_wanted_nothing_travels_in_the_open(serve: Callable[..., tuple[Mailbox, Settings]]) -> None:
    mailbox, found = serve(SmtpSecurity.NONE)

    with pytest.raises(MailNotSent, match="SMTPNotSupportedError"):
        SmtpMailer(found.model_copy(update={"smtp_security": SmtpSecurity.STARTTLS})).send(MAIL)
    assert mailbox.envelopes == []


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ({"RCPT": "550 no ada@example.org here"}, "550"),
        ({"RCPT": "450 ada@example.org is full"}, "450"),
        ({"DATA": "451 not now: token=abc"}, "451"),
        ({"DATA": "554 token=abc looks odd"}, "554"),
    ],
)
def test_a_refusal_is_told_without_what_was_in_the_mail(
    serve: Callable[..., tuple[Mailbox, Settings]], refusal: dict[str, str], told: str
) -> None:
    _, found = serve(SmtpSecurity.NONE, refusal)

    with pytest.raises(MailNotSent, match=told) as refused:
        SmtpMailer(found).send(MAIL)
    assert "ada@" not in str(refused.value) and "token" not in str(refused.value)
    assert isinstance(refused.value, MailRefused) is told.startswith("5"), "whether it is worth trying again"


def test_a_server_that_is_not_there_is_told(serve: Callable[..., tuple[Mailbox, Settings]]) -> None:
    with pytest.raises(MailNotSent, match="ConnectionRefusedError"):
        SmtpMailer(settings(1, SmtpSecurity.NONE)).send(MAIL)


def test_a_server_that_says_nothing_is_given_up() -> None:
    """It listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = settings(silent.getsockname()[1], SmtpSecurity.NONE)
        with pytest.raises(MailNotSent, match=r"TimeoutError|SMTPServerDisconnected|421|-1"):
            SmtpMailer(found.model_copy(update={"smtp_timeout_seconds": 0.5})).send(MAIL)


class Dripping:
    """A server that says `lines`, each once it was spoken to, and then one byte after another for ever."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = lines
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> "Dripping":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with suppress(OSError), connection:
            for number, line in enumerate(self._lines):
                if number:
                    connection.recv(4096)
                connection.sendall(line)
            while not self._over.wait(0.02):
                connection.sendall(b"2")


HELLO = (b"220 mail\r\n", b"250-mail\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")


@pytest.mark.parametrize(
    ("said", "security", "user"),
    [
        pytest.param((), SmtpSecurity.NONE, None, id="greeting"),
        pytest.param(HELLO[:1], SmtpSecurity.NONE, None, id="EHLO"),
        pytest.param(HELLO, SmtpSecurity.STARTTLS, None, id="STARTTLS"),
        pytest.param(HELLO, SmtpSecurity.NONE, "luna", id="AUTH"),
        pytest.param(HELLO, SmtpSecurity.NONE, None, id="MAIL"),
        pytest.param((*HELLO, b"250 OK\r\n", b"250 OK\r\n", b"354 Go on\r\n"), SmtpSecurity.NONE, None, id="DATA"),
    ],
)
def test_one_deadline_is_over_all_of_it(said: tuple[bytes, ...], security: SmtpSecurity, user: str | None) -> None:
    """However slowly it speaks, and at whatever point: each byte is in time, and the answer never ends."""
    with Dripping(*said) as server:
        found = settings(server.port, security, smtp_user=user, smtp_password="secret" if user else None)
        began = time.monotonic()
        with pytest.raises(MailNotSent, match=r"too slow: not done in 0\.5 s"):
            SmtpMailer(found, most_seconds=0.5).send(MAIL)
    assert time.monotonic() - began < 60


def test_a_handshake_that_never_ends_is_cut_off() -> None:
    """It takes the connection and says nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = settings(silent.getsockname()[1], SmtpSecurity.TLS)
        with pytest.raises(MailNotSent, match="too slow"):
            SmtpMailer(found, most_seconds=0.5).send(MAIL)


def test_a_name_that_nobody_answers_for_does_not_hold_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])
    try:
        with pytest.raises(MailNotSent, match="too slow"):
            SmtpMailer(settings(1, SmtpSecurity.NONE), most_seconds=0.2).send(MAIL)
    finally:
        answered.set()


def test_a_mail_that_was_taken_is_sent_whatever_the_farewell() -> None:
    taken = (*HELLO, b"250 OK\r\n", b"250 OK\r\n", b"354 Go on\r\n", b"250 Taken\r\n", b"500 what?\r\n")
    with Dripping(*taken) as server:
        SmtpMailer(settings(server.port, SmtpSecurity.NONE), most_seconds=60).send(MAIL)


class TestFolder:
    def test_a_mail_is_a_file_that_mail_programs_open(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        folder = tmp_path / "mail"
        mailer = FolderMailer(folder, settings(1, SmtpSecurity.NONE))
        mailer.send(MAIL)
        mailer.send(MAIL)

        (file,) = folder.iterdir()
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        assert (file.suffix, message["To"]) == (".eml", "ada@example.org")
        assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)

    def test_a_folder_that_cannot_be_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        with pytest.raises(MailNotSent, match="cannot be written"):
            FolderMailer(tmp_path / "file" / "mail", settings(1, SmtpSecurity.NONE)).send(MAIL)


def test_the_server_comes_before_the_folder_and_nothing_is_lost_in_silence(tmp_path: Path) -> None:
    bare = Settings(_env_file=None)

    assert isinstance(make_mailer(bare.model_copy(update={"smtp_host": "x", "mail_dir": "y"})), SmtpMailer)
    assert isinstance(make_mailer(bare.model_copy(update={"mail_dir": "y"})), FolderMailer)
    assert isinstance(make_mailer(bare), NoMailer)
    with pytest.raises(MailNotSent, match="LUNA_SMTP_HOST"):
        NoMailer().send(MAIL)
