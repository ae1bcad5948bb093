"""Access tokens."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest

from luna_web.shared.errors import TokenExpired, Unauthenticated
from luna_web.shared.principal import Principal, Role
from luna_web.shared.tokens import ALGORITHM, AUDIENCE, CLAIMS, ISSUER, AccessTokens

SECRET = "a secret of tests, thirty-two bytes or more"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
WHO = Principal(uuid4(), "ada@example.org", Role.LIBRARIAN, uuid4())
TOKENS = AccessTokens(SECRET, 3600)


def claims(**changed: object) -> dict[str, object]:
    given = jwt.decode(TOKENS.issue(WHO, NOW), options={"verify_signature": False})
    return {key: value for key, value in (given | changed).items() if value is not None}


def signed(payload: dict[str, object], secret: str = SECRET, algorithm: str = ALGORITHM) -> str:
    return jwt.encode(payload, secret, algorithm=algorithm)


def test_a_token_says_who_asked() -> None:
    verified = TOKENS.verify(TOKENS.issue(WHO, NOW), NOW + timedelta(minutes=59))

    assert verified.principal == WHO
    assert verified.expires_at == NOW + timedelta(hours=1)


def test_it_expires() -> None:
    with pytest.raises(TokenExpired):
        TOKENS.verify(TOKENS.issue(WHO, NOW), NOW + timedelta(hours=1))


def test_two_tokens_of_the_same_moment_differ() -> None:
    assert TOKENS.issue(WHO, NOW) != TOKENS.issue(WHO, NOW)


@pytest.mark.parametrize("missing", CLAIMS)
def test_every_claim_is_required(missing: str) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(signed(claims(**{missing: None})), NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "somebody-else"},
        {"aud": "another-api"},
        {"typ": "refresh"},
        {"role": "EMPEROR"},
        {"sub": "not-a-uuid"},
        {"sid": 7},
        {"exp": "soon"},
        {"exp": 10**30},
        {"nbf": int(NOW.timestamp()) + 60},
    ],
)
def test_a_claim_that_is_not_ours_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(signed(claims(**wrong)), NOW)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        signed(claims(), secret="another secret, thirty-two bytes or more"),
        signed(claims(), secret=SECRET * 2, algorithm="HS512"),
        jwt.encode(claims(), "", algorithm="none"),
        "\u00e9.\u00e9.\u00e9",
    ],
)
def test_what_this_key_and_algorithm_did_not_sign_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, NOW)


def test_issuer_and_audience_are_pinned() -> None:
    given = claims()

    assert (given["iss"], given["aud"]) == (ISSUER, AUDIENCE)
