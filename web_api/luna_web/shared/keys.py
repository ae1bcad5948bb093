"""Keys that sign access tokens and seal refresh, reset and device tokens: a set of them, newest first.

The newest signs and seals; all verify and open. So a key is changed in three steps that log nobody out: put the new one
in front, wait until what the old one signed has expired, take the old one away.

A key is written `ALGORITHM:BASE64URL`, as `python -m luna_web.manage make-key` prints it:

    HS256:<32 bytes or more>          a shared secret (RFC 7518, section 3.2)
    EdDSA:<32 bytes>                  the seed of an Ed25519 key (RFC 8037)
    EdDSA-public:<32 bytes>           its public half, for services that verify and never sign
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MINIMUM_SECRET_BYTES = 32
MINIMUM_DISTINCT_BYTES = 8
_ED25519_BYTES = 32

SigningMaterial = bytes | Ed25519PrivateKey
VerifyingMaterial = bytes | Ed25519PublicKey


class KeyKind(StrEnum):
    HS256 = "HS256"
    EDDSA = "EdDSA"
    EDDSA_PUBLIC = "EdDSA-public"

    @property
    def algorithm(self) -> str:
        """The `alg` of tokens (RFC 7515, section 4.1.1). A key verifies this one and no other."""
        return "HS256" if self is KeyKind.HS256 else "EdDSA"


class MalformedKey(ValueError):
    """What was given is no key; the text says why and never shows it."""


@dataclass(frozen=True)
class Key:
    """One key. `kid` names it in the header of tokens and tells nothing of it."""

    kind: KeyKind
    raw: bytes

    def __repr__(self) -> str:
        return f"Key({self.kind}, kid={self.kid})"

    @cached_property
    def kid(self) -> str:
        known = self.raw if self.kind is KeyKind.HS256 else self._public().public_bytes_raw()
        digest = hashlib.sha256(b"luna kid " + self.kind.algorithm.encode() + known).digest()
        return base64.urlsafe_b64encode(digest[:9]).decode()

    @property
    def signs(self) -> bool:
        return self.kind is not KeyKind.EDDSA_PUBLIC

    def signing(self) -> SigningMaterial:
        return self.raw if self.kind is KeyKind.HS256 else Ed25519PrivateKey.from_private_bytes(self.raw)

    @cached_property
    def verifying(self) -> VerifyingMaterial:
        return self.raw if self.kind is KeyKind.HS256 else self._public()

    def seal(self, purpose: bytes) -> bytes:
        """A secret for one purpose, of which no other secret can be told."""
        return hmac.digest(self.raw, purpose, "sha256")

    def text(self) -> str:
        return f"{self.kind}:{base64.urlsafe_b64encode(self.raw).rstrip(b'=').decode()}"

    def _public(self) -> Ed25519PublicKey:
        if self.kind is KeyKind.EDDSA_PUBLIC:
            return Ed25519PublicKey.from_public_bytes(self.raw)
        return Ed25519PrivateKey.from_private_bytes(self.raw).public_key()


def read_key(text: str) -> Key:
    """The key of a text. Raises MalformedKey."""
    name, _, encoded = text.strip().partition(":")
    try:
        kind = KeyKind(name)
    except ValueError:
        raise MalformedKey(f"a key begins with one of {', '.join(f'{one}:' for one in KeyKind)}") from None
    try:
        raw = base64.urlsafe_b64decode(encoded.encode("ascii") + b"=" * (-len(encoded) % 4))
    except (ValueError, binascii.Error):
        raise MalformedKey(f"after {kind}: comes URL-safe base64") from None
    if kind is not KeyKind.HS256 and len(raw) != _ED25519_BYTES:
        raise MalformedKey(f"a key of {kind} has {_ED25519_BYTES} bytes, not {len(raw)}")
    if weakness := weakness_of(raw):
        raise MalformedKey(weakness)
    return Key(kind, raw)


def weakness_of(raw: bytes) -> str | None:
    """Why a secret is none, as far as one can see it; None for one that may be good."""
    if len(raw) < MINIMUM_SECRET_BYTES:
        return f"a secret has {MINIMUM_SECRET_BYTES} bytes or more, not {len(raw)}"
    if len(set(raw)) < MINIMUM_DISTINCT_BYTES:
        return "a secret is random; this one repeats itself"
    return None


def make_key(kind: KeyKind) -> Key:
    """A fresh key that signs."""
    return Key(KeyKind.HS256 if kind is KeyKind.HS256 else KeyKind.EDDSA, secrets.token_bytes(MINIMUM_SECRET_BYTES))


def public_half(key: Key) -> Key:
    """What others need to verify what an EdDSA key signs."""
    return Key(KeyKind.EDDSA_PUBLIC, key._public().public_bytes_raw())


class Keys:
    """The keys of a process, newest first. Raises MalformedKey without any."""

    def __init__(self, keys: Sequence[Key]) -> None:
        if not keys:
            raise MalformedKey("there must be a key")
        self._keys = tuple(keys)
        self._by_kid = {key.kid: key for key in reversed(self._keys)}

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    @property
    def newest(self) -> Key:
        """The one that signs. Raises LookupError where only public halves are known."""
        for key in self._keys:
            if key.signs:
                return key
        raise LookupError("this process has public keys only: it verifies tokens and makes none")

    def named(self, kid: str) -> Key | None:
        return self._by_kid.get(kid)

    def seals(self, purpose: bytes) -> tuple[bytes, ...]:
        """Secrets for this purpose, newest first: the first seals, all open."""
        return tuple(key.seal(purpose) for key in self._keys if key.signs)
