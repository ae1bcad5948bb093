"""Settings that are wrong stop the start and say which variable it is."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from luna_web.shared.config import DEVELOPMENT_ENCRYPTION_KEY, DEVELOPMENT_JWT_SECRET, Settings
from luna_web.shared.keys import Key, KeyKind, make_key
from luna_web.shared.vapid import make_push_key

STRONG = "a secret of tests that is long enough"
KEY = Fernet.generate_key().decode()
PRODUCTION: dict[str, Any] = {"environment": "production", "public_url": "https://luna.example.org"}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LUNA_PUBLIC_URL", "LUNA_JWT_SECRET", "LUNA_JWT_KEYS", "LUNA_ENCRYPTION_KEY", "LUNA_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


def test_development_starts_without_secrets() -> None:
    assert Settings(_env_file=None).environment == "development"


def test_production_starts_with_strong_ones() -> None:
    settings = Settings(_env_file=None, **PRODUCTION, jwt_secret=STRONG, encryption_key=KEY)

    assert settings.jwt_secret.get_secret_value() == STRONG


@pytest.mark.parametrize("secret", [None, "short", "0123456789abcdef0123456789abcde", "x" * 64])
def test_production_refuses_a_missing_or_short_jwt_secret(secret: str | None) -> None:
    given: dict[str, Any] = {} if secret is None else {"jwt_secret": secret}

    with pytest.raises(ValidationError, match="LUNA_JWT_SECRET"):
        Settings(_env_file=None, **PRODUCTION, encryption_key=KEY, **given)


def test_production_refuses_the_encryption_key_of_development() -> None:
    with pytest.raises(ValidationError, match="LUNA_ENCRYPTION_KEY"):
        Settings(_env_file=None, **PRODUCTION, jwt_secret=STRONG)


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


class TestKeys:
    def test_the_secret_alone_is_a_key(self) -> None:
        assert [key.raw for key in Settings(_env_file=None, jwt_secret=STRONG).key_ring()] == [STRONG.encode()]

    def test_keys_come_before_it_and_replace_that_of_development(self) -> None:
        new, old = make_key(KeyKind.EDDSA), make_key(KeyKind.HS256)
        listed = f"{new.text()}, {old.text()}"

        assert list(Settings(_env_file=None, jwt_keys=listed).key_ring()) == [new, old]
        both = Settings(_env_file=None, jwt_keys=listed, jwt_secret=STRONG)
        assert [key.raw for key in both.key_ring()] == [new.raw, old.raw, STRONG.encode()]

    def test_production_starts_with_keys_alone(self) -> None:
        Settings(_env_file=None, **PRODUCTION, jwt_keys=make_key(KeyKind.EDDSA).text(), encryption_key=KEY)

    @pytest.mark.parametrize("weak", ["HS256:c2hvcnQ", "HS256:" + "A" * 64, "EdDSA:c2hvcnQ", "secret"])
    def test_one_weak_key_among_several_stops_the_start(self, weak: str) -> None:
        with pytest.raises(ValidationError, match="jwt_keys") as refused:
            Settings(_env_file=None, jwt_keys=f"{make_key(KeyKind.HS256).text()},{weak}")
        assert weak not in str(refused.value)

    def test_the_secret_of_development_is_not_let_in_by_another_door(self) -> None:
        known = Key(KeyKind.HS256, DEVELOPMENT_JWT_SECRET.encode()).text()

        with pytest.raises(ValidationError, match="known to all"):
            Settings(_env_file=None, **PRODUCTION, jwt_keys=known, encryption_key=KEY)

    def test_a_weak_secret_beside_good_keys_stops_production(self) -> None:
        good = make_key(KeyKind.HS256).text()

        with pytest.raises(ValidationError, match="LUNA_JWT_SECRET"):
            Settings(_env_file=None, **PRODUCTION, jwt_keys=good, jwt_secret="short", encryption_key=KEY)

    def test_an_encryption_key_that_repeats_itself_stops_production(self) -> None:
        with pytest.raises(ValidationError, match="LUNA_ENCRYPTION_KEY"):
            Settings(_env_file=None, **PRODUCTION, jwt_secret=STRONG, encryption_key="A" * 43 + "=")

    def test_what_was_given_is_not_shown(self) -> None:
        with pytest.raises(ValidationError) as refused:
            Settings(_env_file=None, **PRODUCTION, jwt_secret="a-secret-that-is-short", encryption_key=KEY)
        assert "a-secret-that" not in str(refused.value)


@pytest.mark.parametrize("limit", ["", "many", "120", "120/fortnight"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(ValidationError, match="write_limit"):
        Settings(_env_file=None, write_limit=limit)


@pytest.mark.parametrize("sender", ["", "the library", "@example.org", "luna@"])
def test_a_sender_that_is_no_address_is_refused(sender: str) -> None:
    with pytest.raises(ValidationError, match="mail_from"):
        Settings(_env_file=None, mail_from=sender)


@pytest.mark.parametrize(
    "address",
    ["", "luna.example.org", "ftp://luna.example.org", "https://", "https://x/?a=b", "https://x/#a", "https://x/?",
     "https://ada:secret@luna.example.org", "https://x:99999", "https://x y"],
)  # fmt: skip
def test_a_public_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="public_url"):
        Settings(_env_file=None, public_url=address)


@pytest.mark.parametrize(
    ("address", "known_as", "origin"),
    [
        ("https://lib.example.org:8443/luna/", "https://lib.example.org:8443/luna", "https://lib.example.org:8443"),
        ("HTTPS://Lib.Example.ORG:443/Luna", "https://lib.example.org/Luna", "https://lib.example.org"),
        ("http://lib.example.org:80", "http://lib.example.org", "http://lib.example.org"),
        ("https://bücher.example/", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_public_address_and_its_origin_are_written_as_browsers_do(address: str, known_as: str, origin: str) -> None:
    found = Settings(_env_file=None, public_url=address)

    assert (found.public_url, found.origin) == (known_as, origin)


@pytest.mark.parametrize("address", [None, "http://luna.example.org", "HTTP://luna.example.org", "http://127.0.0.1"])
def test_production_is_reached_by_https_alone(address: str | None) -> None:
    given: dict[str, Any] = {} if address is None else {"public_url": address}

    with pytest.raises(ValidationError, match="LUNA_PUBLIC_URL must begin with https://"):
        Settings(_env_file=None, environment="production", jwt_secret=STRONG, encryption_key=KEY, **given)


class TestDomains:
    def test_they_come_as_a_list_with_commas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LUNA_REGISTRATION_DOMAINS", "example.org, lib.example")

        found = Settings(_env_file=None, registration="domains", smtp_host="mail.example.org")

        assert found.registration_domains == ("example.org", "lib.example")

    def test_without_any_or_without_mail_the_start_stops(self) -> None:
        with pytest.raises(ValidationError, match="LUNA_REGISTRATION_DOMAINS"):
            Settings(_env_file=None, registration="domains", smtp_host="mail.example.org")
        with pytest.raises(ValidationError, match="LUNA_SMTP_HOST"):
            Settings(_env_file=None, registration="domains", registration_domains="example.org")


@pytest.mark.parametrize("key", ["short", "!" * 43, "A" * 43, "_" * 43])
def test_a_push_key_that_is_none_is_refused_and_does_not_show_itself(key: str) -> None:
    """Neither nothing nor a number beyond the curve's order is one."""
    with pytest.raises(ValidationError, match="push_key") as refusal:
        Settings(_env_file=None, push_key=key)
    assert "make-push-key" in str(refusal.value) and key not in str(refusal.value)


def test_push_keys_are_read_as_they_were_printed() -> None:
    made = make_push_key()
    key = Settings(_env_file=None, push_key=made.text()).vapid_key()
    assert key is not None and key.public == made.public and len(made.text()) == 43


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_push_key_there_is_no_push(nothing: str | None) -> None:
    assert Settings(_env_file=None, push_key=nothing).vapid_key() is None
