"""Secrets of a run: made at random once, kept in one file of mode 0600, never on a command line."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from luna_embedded.state import StateDir, read_json, write_json

DOMAIN = "luna.example"
ORDER_OF_P256 = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551


@dataclass(frozen=True)
class Login:
    """A person of the demonstration."""

    role: str
    first_name: str
    last_name: str
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """Every secret of a run. ``robot_tokens`` and ``bridge_paths`` by robot name."""

    postgres_superuser: str
    postgres_owner: str
    postgres_app: str
    jwt_secret: str
    encryption_key: str
    push_key: str
    robot_tokens: Mapping[str, str]
    bridge_paths: Mapping[str, str]
    passwords: Mapping[str, str]

    def logins(self) -> tuple[Login, ...]:
        """The three people that a new library has."""
        people = (("STUDENT", "Sofia", "Student"), ("LIBRARIAN", "Lena", "Librarian"), ("ADMIN", "Adam", "Admin"))
        return tuple(
            Login(role, first, last, f"{role.lower()}@{DOMAIN}", self.passwords[role]) for role, first, last in people
        )


def password() -> str:
    """A password that people can type: over 90 bits in letters and digits that do not look alike, with dashes."""
    alphabet = "".join(sorted(set(string.ascii_letters + string.digits) - set("Il1O0o")))
    while True:
        word = "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))
        if any(c.isdigit() for c in word) and any(c.isupper() for c in word) and any(c.islower() for c in word):
            return word


def push_key() -> str:
    """A private key of the curve P-256 (FIPS 186-5, A.2.2: a number from 1 to below the order) as LUNA_PUSH_KEY."""
    number = secrets.randbelow(ORDER_OF_P256 - 1) + 1
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def load(state: StateDir, robots: Sequence[str]) -> Credentials:
    """The secrets of this state directory, those missing made now."""
    kept = read_json(state.secrets)
    whole: dict[str, Any] = {
        "postgres_superuser": kept.get("postgres_superuser") or secrets.token_hex(24),
        "postgres_owner": kept.get("postgres_owner") or secrets.token_hex(24),
        "postgres_app": kept.get("postgres_app") or secrets.token_hex(24),
        "jwt_secret": kept.get("jwt_secret") or secrets.token_hex(48),
        "encryption_key": kept.get("encryption_key") or base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "push_key": kept.get("push_key") or push_key(),
        "robot_tokens": _for_each(robots, kept.get("robot_tokens"), lambda: secrets.token_hex(32)),
        "bridge_paths": _for_each(robots, kept.get("bridge_paths"), lambda: f"/{secrets.token_hex(32)}"),
        "passwords": _for_each(("STUDENT", "LIBRARIAN", "ADMIN"), kept.get("passwords"), password),
    }
    if whole != kept:
        write_json(state.secrets, whole)
    return Credentials(**whole)


def _for_each(names: Sequence[str], kept: Mapping[str, str] | None, make: Callable[[], str]) -> dict[str, str]:
    known = dict(kept or {})
    return known | {name: make() for name in names if name not in known}
