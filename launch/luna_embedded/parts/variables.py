"""Environment variables of the parts. A sourced ROS installation or virtual environment is left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from luna_embedded.install.ros_variables import run_variables
from luna_embedded.layout import Checkout
from luna_embedded.parts.run import Run

INHERITED = frozenset(
    {
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LOGNAME",
        "PATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TERM",
        "TMPDIR",
        "TZ",
        "USER",
    }
)


OURS = frozenset({"LUNA_PYTHON", "LUNA_ROOT", "LUNA_STATE"})


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What parts get of the person's own environment: what programs commonly need, and LUNA's settings."""
    return {
        name: value
        for name, value in environment.items()
        if name in INHERITED or (name.startswith("LUNA_") and name not in OURS)
    }


def web_variables(run: Run) -> dict[str, str]:
    """For the web tier, the worker and `luna_web.manage`. What the person has set wins where both make sense."""
    settings = {
        "LUNA_ENVIRONMENT": "development",
        "LUNA_JWT_SECRET": run.credentials.jwt_secret,
        "LUNA_ENCRYPTION_KEY": run.credentials.encryption_key,
        "LUNA_PUSH_KEY": run.credentials.push_key,
        "LUNA_MAIL_DIR": str(run.state.mail),
        "LUNA_LOG_FORMAT": "json",
        # On a machine of one's own, demonstrations and benchmarks look many times a second as one and the same person.
        "LUNA_READ_LIMIT": "6000/minute",
        "LUNA_WRITE_LIMIT": "1200/minute",
        **run.base,
        "LUNA_DATABASE_URL": run.servers.database_url,
        "LUNA_REDIS_URL": run.servers.redis_url,
        "LUNA_CELERY_BROKER_URL": run.servers.broker_url,
        "LUNA_PUBLIC_URL": run.address,
        "LUNA_SIM_SPEED": str(run.options.sim_speed),
        "PYTHONPATH": _import_roots(run.checkout),
        "PYTHONUNBUFFERED": "1",
    }
    settings.pop("LUNA_DATABASE_OWNER_URL", None)
    return settings


def manage_variables(run: Run) -> dict[str, str]:
    """For `luna_web.manage`: the web tier's, and the database's owner, whom the web tier itself must not be."""
    return {**web_variables(run), "LUNA_DATABASE_OWNER_URL": run.servers.database_owner_url}


def ros_part_variables(run: Run) -> dict[str, str]:
    """For nodes, the simulator and rosbridge. Secrets of the web tier are not among them."""
    return ros_variables(run.checkout, run.base, run.ros_domain, run.state.logs / "ros")


def ros_variables(checkout: Checkout, base: Mapping[str, str], ros_domain: int, log: Path) -> dict[str, str]:
    """For a ROS program in a domain; `base` as `inherited` gives it."""
    wheels = run_variables(checkout.ros_env, checkout.ros_install)
    kept = {name: value for name, value in base.items() if not name.startswith("LUNA_")}
    return {
        **kept,
        **wheels,
        "PYTHONPATH": f"{_import_roots(checkout)}:{wheels['PYTHONPATH']}",
        "PYTHONUNBUFFERED": "1",
        "ROS_DOMAIN_ID": str(ros_domain),
        "ROS_LOG_DIR": str(log),
    }


def _import_roots(checkout: Checkout) -> str:
    return ":".join(map(str, checkout.import_roots))
