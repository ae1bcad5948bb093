"""What the machine must have, found out, and by which package of Debian or Ubuntu it comes."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from luna_embedded.exit_codes import Exit, Refusal

APT_DEADLINE_S = 900
INSTALL_NEEDS_BYTES = 2_500_000_000


@dataclass(frozen=True)
class Tool:
    """Something the machine must have to make the environments."""

    name: str
    package: str
    found: Callable[[], object]


def headers() -> Path:
    """Folder of the interpreter's own header files."""
    return Path(sysconfig.get_path("include"))


def shared_libpython() -> Path | None:
    """The interpreter's libpython3.Y.so, which rosbridge needs in its process; None if there is none."""
    name = str(sysconfig.get_config_var("INSTSONAME") or "")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    names = [name] if ".so" in name else []
    names += [f"libpython{version}.so.1.0", f"libpython{version}.so"]
    library_dir = str(sysconfig.get_config_var("LIBDIR") or "/usr/lib")
    multiarch = str(sysconfig.get_config_var("MULTIARCH") or "")
    folders = [library_dir, f"{library_dir}/{multiarch}", f"{sys.base_prefix}/lib", f"/usr/lib/{multiarch}"]
    paths = (Path(folder, name) for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)


def _any_command(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _has_venv() -> bool:
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
VENV = Tool("Python's venv module", f"{_PYTHON}-venv", _has_venv)
BUILD_TOOLS = (
    Tool("Python's header files", f"{_PYTHON}-dev", lambda: (headers() / "Python.h").is_file()),
    Tool("Python's shared library", f"lib{_PYTHON}", lambda: shared_libpython() is not None),
    Tool("a C++ compiler", "g++", _any_command("c++", "g++", "clang++")),
    Tool("a C compiler", "gcc", _any_command("cc", "gcc", "clang")),
    Tool("cmake", "cmake", _any_command("cmake")),
    Tool("make", "make", _any_command("make", "gmake")),
)


def libsdformat() -> Path | None:
    """Gazebo's own reader of its worlds, from version 12 on, which reads SDF 1.9."""
    return next(Path("/usr/lib").glob("*/libsdformat1[2-9].so.*"), None)


SDFORMAT = Tool("libsdformat, which reads Gazebo's worlds", "libsdformat12-12", libsdformat)
"""For tests alone: where a system does not have it, they are skipped."""


def missing(tools: Sequence[Tool]) -> list[Tool]:
    """Those of ``tools`` that this machine lacks."""
    return [tool for tool in tools if not tool.found()]


def unfit_platform(system: str, machine: str, libc: tuple[str, str]) -> str:
    """Why the wheels of ROS and PostgreSQL cannot run here, or "" if they can. They need glibc 2.35 on x86-64 Linux."""
    if system != "Linux" or machine not in ("x86_64", "AMD64"):
        return f"The embedded run needs Linux on x86-64; this is {system} on {machine}."
    if libc[0] != "glibc":
        return "The embedded run needs a glibc system (Debian 12+, Ubuntu 22.04+); this one has another C library."
    if tuple(int(part) for part in libc[1].split(".")[:2]) < (2, 35):
        return f"The embedded run needs glibc 2.35 or newer (Debian 12+, Ubuntu 22.04+); this system has {libc[1]}."
    return ""


def require_platform() -> None:
    """Raise Refusal where the wheels cannot run."""
    if why := unfit_platform(platform.system(), platform.machine(), platform.libc_ver()):
        raise Refusal(why, "Run LUNA on such a machine, or in a container of debian:12.", Exit.UNFIT)


def apt_line(tools: Sequence[Tool]) -> str:
    """The one line that installs ``tools`` on Debian or Ubuntu."""
    packages = " ".join(sorted({tool.package for tool in tools}))
    return f"apt-get update && apt-get install -y --no-install-recommends {packages}"


def provide(tools: Sequence[Tool], log: Path, say: Callable[[str], None]) -> None:
    """Install what is missing of ``tools`` as root by apt; else raise Refusal with the line that does."""
    lacking = missing(tools)
    if not lacking:
        return
    names = ", ".join(tool.name for tool in lacking)
    line = apt_line(lacking)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Refusal(f"This machine lacks: {names}.", f'On Debian or Ubuntu:\n\n    sudo sh -c "{line}"\n', Exit.UNFIT)
    say(f"Installing {names} with apt …")
    with log.open("ab") as out:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=APT_DEADLINE_S,
            check=False,
        )
    still = ", ".join(tool.name for tool in missing(lacking))
    if done.returncode != 0 or still:
        raise Refusal(f"apt could not install {still or names} (details: {log}).", f"Try by hand: {line}", Exit.UNFIT)


def require_disk(folder: Path, needed: int, free: Callable[[Path], int]) -> None:
    """Raise Refusal if the file system of ``folder`` has fewer than ``needed`` bytes free."""
    available = free(folder)
    if available < needed:
        raise Refusal(
            f"Only {available / 1e6:.0f} MB are free on the disk of {folder}; {needed / 1e6:.0f} MB are needed.",
            "Free some space there, or put the checkout (or --state) on another disk.",
            Exit.UNFIT,
        )


def free_bytes(folder: Path) -> int:
    """Free space for this user, bytes, on the file system that holds ``folder`` or will."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
