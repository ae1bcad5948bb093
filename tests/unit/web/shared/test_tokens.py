"""Access tokens."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest

from luna_web.shared.errors import TokenExpired, Unauthenticated
from luna_web.shared.keys import Key, KeyKind, Keys, make_key, public_half
from luna_web.shared.principal import Principal, Role
from luna_web.shared.tokens import AUDIENCE, CLAIMS, ISSUER, AccessTokens

SECRET = "a secret of tests, thirty-two bytes or more"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
WHO = Principal(uuid4(), "ada@example.org", Role.LIBRARIAN, uuid4())
KEY = Key(KeyKind.HS256, SECRET.encode())
TOKENS = AccessTokens(Keys([KEY]), 3600)


def claims(**changed: object) -> dict[str, object]:
    given = jwt.decode(TOKENS.issue(WHO, NOW), options={"verify_signature": False})
    return {key: value for key, value in (given | changed).items() if value is not None}


def signed(payload: dict[str, object], secret: str = SECRET, algorithm: str = "HS256", kid: str = KEY.kid) -> str:
    return jwt.encode(payload, secret, algorithm=algorithm, headers={"kid": kid})


def test_a_token_says_who_asked() -> None:
    verified = TOKENS.verify(TOKENS.issue(WHO, NOW), NOW + timedelta(minutes=59))

    assert verified.principal == WHO
    assert verified.expires_at == NOW + timedelta(hours=1)


def test_it_expires() -> None:
    with pytest.raises(TokenExpired):
        TOKENS.verify(TOKENS.issue(WHO, NOW), NOW + timedelta(hours=1))


def test_one_that_was_shown_before_is_held_to_the_clock_all_the_same() -> None:
    token = TOKENS.issue(WHO, NOW)
    assert TOKENS.verify(token, NOW) is TOKENS.verify(token, NOW + timedelta(minutes=1))

    with pytest.raises(TokenExpired):
        TOKENS.verify(token, NOW + timedelta(hours=1))
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, NOW - timedelta(minutes=1))
    with pytest.raises(Unauthenticated):
        TOKENS.verify(f"{token[:-4]}AAAA", NOW)


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
        jwt.encode(claims(), "", algorithm="none", headers={"kid": KEY.kid}),
        jwt.encode(claims(), SECRET, algorithm="HS256"),
        signed(claims(), kid="another"),
        jwt.encode(claims(), SECRET, algorithm="HS256", headers={"kid": KEY.kid, "jku": "https://evil.example"}) + "x",
        "\u00e9.\u00e9.\u00e9",
    ],
)
def test_what_this_key_and_algorithm_did_not_sign_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, NOW)


def test_issuer_and_audience_are_pinned() -> None:
    given = claims()

    assert (given["iss"], given["aud"]) == (ISSUER, AUDIENCE)


def tokens(*keys: Key) -> AccessTokens:
    return AccessTokens(Keys(keys), 3600)


@pytest.mark.parametrize("kind", [KeyKind.HS256, KeyKind.EDDSA])
def test_both_kinds_of_key_sign_and_verify(kind: KeyKind) -> None:
    key = make_key(kind)

    assert tokens(key).verify(tokens(key).issue(WHO, NOW), NOW).principal == WHO


@pytest.mark.parametrize("older", [KeyKind.HS256, KeyKind.EDDSA])
@pytest.mark.parametrize("newer", [KeyKind.HS256, KeyKind.EDDSA])
def test_a_new_key_in_front_logs_nobody_out(older: KeyKind, newer: KeyKind) -> None:
    old, new = make_key(older), make_key(newer)
    earlier = tokens(old).issue(WHO, NOW)

    assert tokens(new, old).verify(earlier, NOW).principal == WHO
    assert jwt.get_unverified_header(tokens(new, old).issue(WHO, NOW))["kid"] == new.kid
    with pytest.raises(Unauthenticated):
        tokens(new).verify(earlier, NOW)


def test_a_public_half_verifies_and_does_not_sign() -> None:
    key = make_key(KeyKind.EDDSA)
    elsewhere = tokens(public_half(key))

    assert elsewhere.verify(tokens(key).issue(WHO, NOW), NOW).principal == WHO
    with pytest.raises(LookupError, match="verifies"):
        elsewhere.issue(WHO, NOW)


def test_a_public_key_is_never_taken_for_a_shared_secret() -> None:
    """RFC 8725, section 2.1: a token signed with HS256 over the public key's bytes."""
    key = make_key(KeyKind.EDDSA)
    forged = jwt.encode(claims(), public_half(key).raw, algorithm="HS256", headers={"kid": key.kid})

    with pytest.raises(Unauthenticated):
        tokens(key).verify(forged, NOW)
