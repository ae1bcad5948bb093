"""Settings that are wrong stop the start and say which variable it is."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from luna_web.shared.config import DEVELOPMENT_ENCRYPTION_KEY, Settings

STRONG = "a secret of tests that is long enough"
KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LUNA_JWT_SECRET", "LUNA_ENCRYPTION_KEY", "LUNA_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


def test_development_starts_without_secrets() -> None:
    assert Settings(_env_file=None).environment == "development"


def test_production_starts_with_strong_ones() -> None:
    settings = Settings(_env_file=None, environment="production", jwt_secret=STRONG, encryption_key=KEY)

    assert settings.jwt_secret.get_secret_value() == STRONG


@pytest.mark.parametrize("secret", [None, "short", "0123456789abcdef0123456789abcde", "x" * 64])
def test_production_refuses_a_missing_or_short_jwt_secret(secret: str | None) -> None:
    given: dict[str, Any] = {} if secret is None else {"jwt_secret": secret}

    with pytest.raises(ValidationError, match="LUNA_JWT_SECRET"):
        Settings(_env_file=None, environment="production", encryption_key=KEY, **given)


def test_production_refuses_the_encryption_key_of_development() -> None:
    with pytest.raises(ValidationError, match="LUNA_ENCRYPTION_KEY"):
        Settings(_env_file=None, environment="production", jwt_secret=STRONG)


@pytest.mark.parametrize("key", ["", "short", "!" * 44, "a" * 44 + "=="])
def test_an_encryption_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="encryption_key"):
        Settings(_env_file=None, encryption_key=key)


def test_the_development_key_is_one() -> None:
    Fernet(DEVELOPMENT_ENCRYPTION_KEY)


def test_secrets_do_not_show_themselves() -> None:
    assert STRONG not in repr(Settings(_env_file=None, jwt_secret=STRONG))


def test_hosts_come_as_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_BRIDGE_HOSTS", "robots.example.org, 10.0.0.7")

    assert Settings(_env_file=None).bridge_hosts == ("robots.example.org", "10.0.0.7")
