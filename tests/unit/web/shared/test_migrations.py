"""The migration tree."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from luna_web.shared.migrate import MIGRATIONS, newest_revision


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision()]


def test_a_revision_is_named_like_its_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    for script in ScriptDirectory.from_config(config).walk_revisions():
        assert script.revision == Path(script.path).stem


def test_two_heads_are_refused(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    for name in ("one", "two"):
        (tmp_path / "versions" / f"{name}.py").write_text(f'revision = "{name}"\ndown_revision = None\n')

    with pytest.raises(ValueError, match="2 heads"):
        newest_revision(tmp_path)
