"""Settings of the web tier, from `LUNA_*` variables or `.env`.

A wrong value stops the start with the variable's name and why.
"""

import base64
import binascii
from email.utils import parseaddr
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from luna_web.shared.keys import Key, KeyKind, Keys, read_key, weakness_of
from luna_web.shared.vapid import PushKey, read_push_key

DEVELOPMENT_JWT_SECRET = "development-only-jwt-secret-not-for-production"  # noqa: S105 - refused in production
DEVELOPMENT_ENCRYPTION_KEY = "bHVuYS1kZXZlbG9wbWVudC1vbmx5LWtleS0zMi1ieXQ="
Words = Annotated[tuple[str, ...], NoDecode]
PUSH_SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
"""Those of Chrome and its kin, Firefox, Safari, Edge."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    JSON = "json"
    CONSOLE = "console"


class Registration(StrEnum):
    """Who may register: everybody, verified emails of listed domains, nobody."""

    OPEN = "open"
    DOMAINS = "domains"
    CLOSED = "closed"


class SmtpSecurity(StrEnum):
    """How mail travels to its server: STARTTLS on a plain connection, TLS from the first byte, in the open."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="LUNA_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Environment = Environment.DEVELOPMENT
    database_url: str = Field(
        default="postgresql+psycopg://luna_app@localhost/luna", description="As the application's role"
    )
    database_owner_url: str | None = Field(default=None, description="As the owner's role; only `manage` uses it")
    database_pool_size: int = Field(default=10, ge=1, le=200)
    database_pool_overflow: int = Field(default=10, ge=0, le=200)
    redis_url: str = "redis://localhost:6379/0"
    celery_broker_url: str = "redis://localhost:6379/1"

    jwt_secret: SecretStr = SecretStr(DEVELOPMENT_JWT_SECRET)
    jwt_keys: SecretStr | None = Field(
        default=None, description="Keys as `shared.keys` writes them, with commas, the newest first"
    )
    encryption_key: SecretStr = Field(
        default=SecretStr(DEVELOPMENT_ENCRYPTION_KEY), description="Fernet key, for robot tokens at rest"
    )
    access_token_seconds: int = Field(default=3600, ge=60, le=86_400)
    refresh_token_seconds: int = Field(default=7 * 86_400, ge=3600, le=90 * 86_400)
    session_seconds: int = Field(default=30 * 86_400, ge=3600, le=366 * 86_400, description="However often refreshed")
    sessions_per_user: int = Field(default=50, ge=1, le=1000, description="One more ends the one unused for longest")
    device_token_seconds: int = Field(default=180 * 86_400, ge=3600, le=400 * 86_400)
    reset_token_seconds: int = Field(default=1800, ge=60, le=86_400)
    verification_token_seconds: int = Field(default=86_400, ge=60, le=14 * 86_400)
    registration: Registration = Registration.OPEN
    registration_domains: Words = Field(default=(), description="Where registration is `domains`: example.org,lib.edu")
    argon2_memory_kib: int = Field(default=19_456, ge=1024, le=1_048_576)
    argon2_passes: int = Field(default=2, ge=1, le=20)
    password_hashes_at_once: int = Field(default=2, ge=1, le=64, description="Each costs 20 MiB and 40 ms of a core")

    login_limit_per_address: str = "100/minute"
    login_free_failures: int = Field(default=5, ge=1, le=100, description="Of an account, before delays grow")
    login_free_failures_per_address: int = Field(default=100, ge=1, le=100_000)
    login_longest_delay_seconds: int = Field(default=900, ge=1, le=86_400)
    register_limit_per_address: str = "30/minute"
    recovery_limit_per_address: str = Field(
        default="30/minute", description="Of each: forgotten passwords, mails sent again, resets, verifications"
    )
    read_limit: str = "600/minute"
    write_limit: str = "120/minute"

    public_url: str = Field(default="http://127.0.0.1:8000", description="What links in mails begin with")
    mail_from: str = "LUNA <luna@localhost>"
    mail_dir: str | None = Field(default=None, description="Where mails are laid while there is no SMTP server")
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_security: SmtpSecurity = SmtpSecurity.STARTTLS
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_timeout_seconds: float = Field(default=5.0, ge=0.5, le=10, description="For each answer of the server")
    smtp_ca_file: str | None = Field(default=None, description="Whom to trust instead of the system's authorities")

    push_key: SecretStr | None = Field(default=None, description="As `make-push-key` prints it; no push without it")
    push_contact: str | None = Field(default=None, description="Whom push services write to; by default as `mail_from`")
    push_services: Words = Field(default=PUSH_SERVICES, description="Hosts of push services that messages are sent to")

    outbox_retention_days: int = Field(default=7, ge=1, le=3650, description="Of events that everybody has had")
    session_retention_days: int = Field(default=30, ge=1, le=3650, description="After the end of a session")
    import_retention_days: int = Field(default=90, ge=1, le=3650, description="After the end of a bulk import")
    letter_retention_days: int = Field(default=90, ge=1, le=3650, description="Of mails and pushes that have ended")
    notification_retention_days: int = Field(default=90, ge=1, le=3650)
    audit_retention_days: int = Field(default=2557, ge=366, le=36_500, description="Whole months; seven years")
    robot_log_retention_days: int = Field(default=90, ge=2, le=3650, description="Whole months, counted from their end")
    robot_usage_retention_days: int = Field(default=1095, ge=30, le=36_500, description="Of what `analytics` counts")
    task_retention_days: int = Field(default=730, ge=30, le=36_500, description="Of finished deliveries")
    history_retention_days: int = Field(default=365, ge=30, le=36_500, description="Of finished deliveries")
    reader_retention_days: int = Field(default=30, ge=1, le=3650, description="Who had a book that is back")
    idempotency_hours: int = Field(default=24, ge=1, le=168, description="How long a key gives its first answer")
    mailed_link_retention_days: int = Field(default=7, ge=1, le=3650, description="After the end of a mailed link")

    bridge_hosts: Words = Field(
        default=("127.0.0.1", "localhost"), description="Where bridges of robots may be: hosts, or host:port"
    )
    log_format: LogFormat = LogFormat.CONSOLE
    sim_speed: float = Field(default=1.0, gt=0, le=100)
    body_limit_bytes: int = Field(default=1 << 20, ge=1024)
    import_max_bytes: int = Field(default=512 << 20, ge=1 << 20, description="Of an uploaded file")
    import_lease_seconds: float = Field(default=15, ge=1, le=600, description="By then a silent process loses its job")
    import_silence_seconds: float = Field(default=120, ge=1, le=3600, description="Without progress an import is ended")
    live_tick_seconds: float = Field(default=0.2, ge=0.05, le=5, description="Between two frames of robots' positions")
    live_redis_seconds: float = Field(default=4, ge=0.2, le=60, description="A Redis silent for so long is away")
    live_kept_seconds: int = Field(default=300, ge=10, le=86_400, description="By then a client must have come back")
    live_kept_events: int = Field(default=10_000, ge=100, le=1_000_000, description="Of each channel")
    live_channels_per_socket: int = Field(default=100, ge=1, le=1000)
    live_sockets_per_user: int = Field(default=20, ge=1, le=10_000, description="In one process")
    live_sockets: int = Field(default=10_000, ge=1, le=100_000, description="In one process")
    live_buffer_events: int = Field(default=2000, ge=10, le=100_000, description="That may wait for a slow reader")
    live_origins: Words = Field(default=(), description="Origins whose pages may open it, beside LUNA_PUBLIC_URL's own")
    live_buffer_bytes: int = Field(default=4 << 20, ge=1 << 16)
    import_memory_mib: int = Field(default=1024, ge=256, description="Of an importing process, as address space")

    @field_validator("bridge_hosts", "live_origins", "registration_domains", "push_services", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator(
        "login_limit_per_address",
        "register_limit_per_address",
        "recovery_limit_per_address",
        "read_limit",
        "write_limit",
    )
    @classmethod
    def _is_limit(cls, value: str) -> str:
        from limits import parse

        try:
            parse(value)
        except ValueError:
            raise ValueError("must look like 120/minute") from None
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_sender(cls, value: str) -> str:
        if not all(parseaddr(value)[1].rpartition("@")):
            raise ValueError("must look like The library <luna@library.example>")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        """As browsers write it (WHATWG URL): small letters, Punycode, no port that goes without saying."""
        wrong = ValueError("must look like https://luna.example.org, without user, query and fragment")
        try:
            url = AnyHttpUrl(value)
        except ValidationError:
            raise wrong from None
        if url.username or url.password or url.query is not None or url.fragment is not None:
            raise wrong
        return str(url).rstrip("/")

    @field_validator("jwt_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        for text in _texts(value):
            read_key(text)
        return value

    @field_validator("push_key")
    @classmethod
    def _is_push_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value():
            read_push_key(value.get_secret_value())
            return value
        return None

    @field_validator("push_contact")
    @classmethod
    def _is_email(cls, value: str | None) -> str | None:
        if value and not all(value.partition("@")):
            raise ValueError("must look like luna@library.example")
        return value or None

    @field_validator("encryption_key")
    @classmethod
    def _is_fernet_key(cls, value: SecretStr) -> SecretStr:
        try:
            size = len(base64.urlsafe_b64decode(value.get_secret_value()))
        except (binascii.Error, ValueError):
            size = 0
        if size != 32:
            raise ValueError("must be a Fernet key: 32 bytes in URL-safe base64")
        return value

    @model_validator(mode="after")
    def _mail_can_leave(self) -> Self:
        if self.registration is Registration.DOMAINS:
            if not self.registration_domains:
                raise ValueError("LUNA_REGISTRATION_DOMAINS must be set where LUNA_REGISTRATION=domains")
            if self.smtp_host is None and self.mail_dir is None:
                raise ValueError("LUNA_SMTP_HOST must be set where LUNA_REGISTRATION=domains, which sends mails")
        return self

    @model_validator(mode="after")
    def _secrets_are_strong_in_production(self) -> Self:
        if self.environment is Environment.DEVELOPMENT:
            return self
        for key in self.key_ring():
            if weakness := weakness_of(key.raw):
                raise ValueError(f"LUNA_JWT_SECRET or LUNA_JWT_KEYS must be set to secrets of your own: {weakness}")
            if key.raw == DEVELOPMENT_JWT_SECRET.encode():
                raise ValueError("LUNA_JWT_SECRET or LUNA_JWT_KEYS must be set: the key of development is known to all")
        if self.encryption_key.get_secret_value() == DEVELOPMENT_ENCRYPTION_KEY:
            raise ValueError("LUNA_ENCRYPTION_KEY must be set to a Fernet key of your own")
        if weakness := weakness_of(base64.urlsafe_b64decode(self.encryption_key.get_secret_value())):
            raise ValueError(f"LUNA_ENCRYPTION_KEY must be set to a Fernet key of your own: {weakness}")
        return self

    @model_validator(mode="after")
    def _nothing_travels_in_the_open_in_production(self) -> Self:
        if self.environment is not Environment.DEVELOPMENT and not self.public_url.startswith("https://"):
            raise ValueError(
                "LUNA_PUBLIC_URL must begin with https:// outside of development: links with tokens lead there,"
                f" and our cookies go nowhere else; it is {self.public_url}"
            )
        return self

    def key_ring(self) -> Keys:
        """Those of `jwt_keys`, then `jwt_secret`, unless that is the one of development and there are others."""
        secret = self.jwt_secret.get_secret_value()
        given = [read_key(text) for text in _texts(self.jwt_keys)]
        if not given or secret != DEVELOPMENT_JWT_SECRET:
            given.append(Key(KeyKind.HS256, secret.encode()))
        return Keys(given)

    def vapid_key(self) -> PushKey | None:
        """The key by which push services know us; None where no push messages are sent."""
        return read_push_key(self.push_key.get_secret_value()) if self.push_key else None

    @property
    def origin(self) -> str:
        """The `Origin` of our own pages, as browsers send it (RFC 6454, section 6.2)."""
        return "/".join(self.public_url.split("/")[:3])


def _texts(value: SecretStr | None) -> list[str]:
    return [text for text in value.get_secret_value().split(",") if text.strip()] if value else []


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
