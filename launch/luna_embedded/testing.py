"""`luna test`."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from luna_embedded.layout import Checkout


def run(checkout: Checkout, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    return 1
