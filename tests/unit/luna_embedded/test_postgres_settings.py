"""What a person may give PostgreSQL."""

import pytest

from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.parts.postgres import SETTINGS, settings


def test_what_is_given_takes_the_place_of_what_luna_has_and_the_rest_stays() -> None:
    told = settings(" shared_buffers=4GB  wal_compression=lz4 ")

    assert told == SETTINGS | {"shared_buffers": "4GB", "wal_compression": "lz4"}
    assert settings("") == SETTINGS


@pytest.mark.parametrize("word", ["shared_buffers", "=4GB", "shared_buffers=", "Shared=1", "a=b=c", "-c", "a;b=1"])
def test_what_is_no_setting_is_named(word: str) -> None:
    with pytest.raises(Refusal, match="no setting") as refusal:
        settings(f"work_mem=8MB {word}")

    assert repr(word) in str(refusal.value)
    assert refusal.value.code == Exit.USAGE


@pytest.mark.parametrize("word", ["listen_addresses=*", "fsync=off", "unix_socket_permissions=0700", "port=1"])
def test_where_the_database_is_and_that_nothing_is_lost_stays_with_luna(word: str) -> None:
    with pytest.raises(Refusal, match="LUNA sets that itself"):
        settings(word)
