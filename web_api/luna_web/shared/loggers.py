"""structlog for all of LUNA: `from luna_web.shared.loggers import structlog`.

It looks for rich and Twisted to serve those who use them, and loads a hundred modules where they happen to be
installed: a tenth of what the worker takes to start. Nothing here uses them with it, so it does not find them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

__all__ = ["structlog"]


@contextmanager
def _absent(*names: str) -> Iterator[None]:
    """As if these packages were not installed: importing a module that is None fails (import system, 5.3.1)."""
    known = {name: sys.modules.get(name) for name in names}
    sys.modules.update(dict.fromkeys(names, cast(ModuleType, None)))
    try:
        yield
    finally:
        for name, module in known.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


with _absent("rich", "twisted"):
    import structlog
