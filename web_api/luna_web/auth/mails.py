"""The words of every mail that accounts need. Plain text; links begin with the configured public address.

No mail calls anybody by name: whoever registers somebody else's address chooses the name, and would choose a message.
"""

from dataclasses import dataclass
from string import Template

SIGNATURE = "\n-- \nLUNA, the library's delivery robots\n"


@dataclass(frozen=True, slots=True)
class Words:
    """`subject` and a text with `$link`, `$valid`, `$address` to be filled in."""

    subject: str
    text: str

    def filled(self, **values: str) -> str:
        return Template(self.text).substitute(values) + SIGNATURE


VERIFY = Words(
    "Confirm your email address",
    """Hello,

somebody, probably you, has opened an account at the library with this email address.
Confirm that it is yours:

$link

The link works once, within $valid. If it was not you, do nothing: without it the account cannot be used.
""",
)
CONFIRM = Words(
    "Confirm your email address",
    """Hello,

somebody, probably you, has an account at the library with this email address, and wants news of it mailed here.
Confirm that it is yours:

$link

The link works once, within $valid. If it was not you, do nothing: no news will be mailed.
""",
)
REGISTERED_AGAIN = Words(
    "Choose the password of your library account",
    """Hello,

an account at the library was opened more than once with this email address, perhaps not always by you.
To make it yours, choose a password now; those that were given before do not count:

$link

The link works once, within $valid. If it was not you, do nothing: without it the account cannot be used.
""",
)
ALREADY_REGISTERED = Words(
    "You have an account already",
    """Hello,

somebody, probably you, wanted to open an account at the library with this email address. You have one already:
log in at $address. If you have forgotten its password, choose a new one:

$link

The link works once, within $valid. If it was not you, do nothing: your password stays as it is.
""",
)
RESET = Words(
    "Choose a new password",
    """Hello,

somebody, probably you, has forgotten the password of your library account. Choose a new one:

$link

The link works once, within $valid. If it was not you, do nothing: your password stays as it is.
""",
)
INVITATION = Words(
    "Your library account",
    """Hello,

the library has opened an account for you. Choose a password:

$link

The link works once, within $valid. Afterwards choose "forgot password" at $address and get another one.
""",
)
PASSWORD_CHANGED = Words(
    "Your password was changed",
    """Hello,

the password of your library account was changed just now, and other devices were logged out.
If it was not you, choose "forgot password" at $address at once and tell the library.
""",
)


def lasting(seconds: int) -> str:
    """`30 minutes`, `24 hours`: a span as people say it."""
    minutes = seconds // 60
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
