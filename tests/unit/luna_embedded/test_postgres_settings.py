"""What a person may give PostgreSQL."""

import pytest

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.parts.postgres import MAY_BE_GIVEN, SETTINGS, settings


def test_what_is_given_takes_the_place_of_what_luna_has_and_the_rest_stays() -> None:
    told = settings(" shared_buffers=4GB  wal_compression=lz4 ")

    assert told == SETTINGS | {"shared_buffers": "4GB", "wal_compression": "lz4"}
    assert settings("") == SETTINGS


@pytest.mark.parametrize(
    "word",
    ["shared_buffers", "=4GB", "shared_buffers=", "Shared=1", "shared_bufers=4GB", "-c", "listen_addresses=*",
     "fsync=off", "synchronous_commit=off", "config_file=/elsewhere", "zero_damaged_pages=on"],
)  # fmt: skip
def test_what_cannot_be_given_is_named_with_what_can(word: str) -> None:
    with pytest.raises(Refusal) as refusal:
        settings(f"work_mem=8MB {word}")

    assert repr(word) in refusal.value.what
    assert "shared_buffers" in refusal.value.mend
    assert refusal.value.code == Exit.USAGE


def test_nothing_that_could_lose_a_commit_or_let_anyone_in_may_be_given() -> None:
    risky = ("fsync", "synchronous", "full_page", "listen", "socket", "password", "hba", "ident_file", "config")
    assert not [name for name in MAY_BE_GIVEN if any(part in name for part in risky)]
