"""Secrets that a run makes for itself."""

import json
from pathlib import Path

import pytest

from luna_embedded import credentials
from luna_embedded.state import StateDir
from luna_web.shared.vapid import read_push_key


def test_a_push_key_is_one_that_the_web_tier_takes() -> None:
    made = credentials.push_key()
    assert read_push_key(made).text() == made


@pytest.mark.parametrize("number", [1, credentials.ORDER_OF_P256 - 1])
def test_the_least_and_the_greatest_number_are_keys(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda below: number - 1)
    assert read_push_key(credentials.push_key())


def test_it_is_made_once_and_an_older_state_gets_one(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    first = credentials.load(state, ("luna1",))
    kept = json.loads(state.secrets.read_text())
    assert credentials.load(state, ("luna1",)).push_key == first.push_key == kept["push_key"]
    state.secrets.write_text(json.dumps({name: value for name, value in kept.items() if name != "push_key"}))
    later = credentials.load(state, ("luna1",))
    assert later.push_key and later.jwt_secret == first.jwt_secret
