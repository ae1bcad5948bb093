"""Settings of the web tier, from `LUNA_*` variables or `.env`.

A wrong value stops the start with the variable's name and why.
"""

import base64
import binascii
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEVELOPMENT_JWT_SECRET = "development-only-jwt-secret-not-for-production"  # noqa: S105 - refused in production
DEVELOPMENT_ENCRYPTION_KEY = "bHVuYS1kZXZlbG9wbWVudC1vbmx5LWtleS0zMi1ieXQ="
MINIMUM_SECRET_BYTES = 32


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


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LUNA_", env_file=".env", extra="ignore", frozen=True)

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
    encryption_key: SecretStr = Field(
        default=SecretStr(DEVELOPMENT_ENCRYPTION_KEY), description="Fernet key, for robot tokens at rest"
    )
    access_token_seconds: int = Field(default=3600, ge=60, le=86_400)
    refresh_token_seconds: int = Field(default=7 * 86_400, ge=3600, le=90 * 86_400)
    registration: Registration = Registration.OPEN
    argon2_memory_kib: int = Field(default=19_456, ge=1024, le=1_048_576)
    argon2_passes: int = Field(default=2, ge=1, le=20)
    password_hashes_at_once: int = Field(default=2, ge=1, le=64, description="Each costs 20 MiB and 40 ms of a core")

    login_limit_per_address: str = "100/minute"
    login_failures_per_account: str = "10/15minutes"
    register_limit_per_address: str = "30/minute"

    public_url: str = "http://127.0.0.1:8000"
    mail_dir: str | None = None
    bridge_hosts: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1", "localhost")
    log_format: LogFormat = LogFormat.CONSOLE
    sim_speed: float = Field(default=1.0, gt=0, le=100)
    body_limit_bytes: int = Field(default=1 << 20, ge=1024)
    import_max_bytes: int = Field(default=512 << 20, ge=1 << 20, description="Of an uploaded file")
    import_lease_seconds: float = Field(default=15, ge=1, le=600, description="By then a silent process loses its job")
    import_silence_seconds: float = Field(default=120, ge=1, le=3600, description="Without progress an import is ended")
    import_memory_mib: int = Field(default=1024, ge=256, description="Of an importing process, as address space")

    @field_validator("bridge_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return tuple(host.strip() for host in value.split(",") if host.strip()) if isinstance(value, str) else value

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
    def _secrets_are_strong_in_production(self) -> Self:
        if self.environment is Environment.DEVELOPMENT:
            return self
        secret = self.jwt_secret.get_secret_value()
        if secret == DEVELOPMENT_JWT_SECRET or len(secret.encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(f"LUNA_JWT_SECRET must be set, to {MINIMUM_SECRET_BYTES} bytes or more that nobody knows")
        if self.encryption_key.get_secret_value() == DEVELOPMENT_ENCRYPTION_KEY:
            raise ValueError("LUNA_ENCRYPTION_KEY must be set to a Fernet key of your own")
        return self


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
