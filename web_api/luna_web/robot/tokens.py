"""Robots' bearer tokens at rest. The web tier presents them, so they are encrypted, not hashed."""

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr


class TokenUnreadable(Exception):
    """The stored token was encrypted with another `LUNA_ENCRYPTION_KEY`."""


def encrypt_token(token: str, key: SecretStr) -> bytes:
    return Fernet(key.get_secret_value()).encrypt(token.encode())


def decrypt_token(encrypted: bytes, key: SecretStr) -> str:
    """Raises TokenUnreadable."""
    try:
        return Fernet(key.get_secret_value()).decrypt(encrypted).decode()
    except InvalidToken as error:
        raise TokenUnreadable("the robot's token cannot be decrypted: was LUNA_ENCRYPTION_KEY changed?") from error
