"""The key by which push services know us (VAPID, RFC 8292): one pair on the curve P-256, made once and kept."""

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

_BYTES = 32


class MalformedPushKey(ValueError):
    """The text is no key that `make-push-key` printed."""


@dataclass(frozen=True, eq=False)
class PushKey:
    """`private` signs; browsers subscribe with `public` as their `applicationServerKey`."""

    private: ec.EllipticCurvePrivateKey

    @cached_property
    def public(self) -> str:
        """The uncompressed point in base64url without padding, as browsers take it."""
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    @cached_property
    def private_pem(self) -> bytes:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @cached_property
    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def text(self) -> str:
        """As `LUNA_PUSH_KEY` has it: the private number in base64url without padding."""
        number = self.private.private_numbers().private_value
        return base64.urlsafe_b64encode(number.to_bytes(_BYTES, "big")).rstrip(b"=").decode()


def make_push_key() -> PushKey:
    return PushKey(ec.generate_private_key(ec.SECP256R1()))


def read_push_key(text: str) -> PushKey:
    """The key of a text. Raises MalformedPushKey."""
    try:
        raw = base64.urlsafe_b64decode(text.strip().encode("ascii") + b"=" * (-len(text.strip()) % 4))
    except (ValueError, binascii.Error):
        raise MalformedPushKey("must be URL-safe base64; make one with `make-push-key`") from None
    if len(raw) != _BYTES:
        raise MalformedPushKey(f"must have {_BYTES} bytes, not {len(raw)}; make one with `make-push-key`")
    try:
        return PushKey(ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1()))
    except ValueError:
        raise MalformedPushKey("must be a private key of the curve P-256; make one with `make-push-key`") from None
