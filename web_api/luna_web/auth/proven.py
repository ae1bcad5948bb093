"""What may be done for who has proven a password, though hashing it took time in which the account could change."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from luna_web.auth import repository
from luna_web.auth.models import User
from luna_web.auth.passwords import Passwords
from luna_web.auth.service import found
from luna_web.shared.database import SessionFactory, transaction
from luna_web.shared.errors import LunaError

T = TypeVar("T")
MOST_LOOKS = 3
"""A hash is made anew once for each change of parameters: the second look finds it at rest."""


def act_as_proven(
    factory: SessionFactory,
    passwords: Passwords,
    known: User,
    password: str,
    act: Callable[[Session, User], T],
    refused: type[LunaError],
) -> T:
    """What `act` gives for the locked account, whose hash is one that `password` was compared with.

    `known` is the account as it was when the password was found right. Another login of the same password may have
    hashed it anew since then, which takes no right away: the new hash is compared as well, outside of the transaction.
    Raises `refused` if the password is another now, or the account is not active.
    """
    for _ in range(MOST_LOOKS):
        with transaction(factory) as session:
            user = found(repository.lock_user(session, known.id))
            if not user.is_active:
                raise refused()
            if user.password_hash == known.password_hash:
                return act(session, user)
        if not passwords.matches(user.password_hash, password):
            raise refused()
        known = user
    raise refused()
