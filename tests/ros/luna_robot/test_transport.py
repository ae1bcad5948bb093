"""How processes on one machine speak: over UDP on loopback, with nothing in shared memory."""

from __future__ import annotations

import os
import re
from contextlib import closing
from pathlib import Path

from tests.domains import Domain
from tests.ros.luna_robot.processes import Processes

LOOPBACK = "0100007F"
"""127.0.0.1 as /proc/net/udp writes it."""


def own_inodes(pid: int) -> set[str]:
    """Of the process's sockets."""
    links = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}


def udp_addresses(pid: int) -> list[str]:
    """Local addresses of the process's UDP sockets, those for IPv6 among them."""
    inodes = own_inodes(pid)
    tables = [Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:] for kind in ("udp", "udp6")]
    rows = [line.split() for table in tables for line in table]
    return [row[1].partition(":")[0] for row in rows if row[9] in inodes]


def test_a_node_speaks_on_loopback_alone_and_leaves_no_file_in_shared_memory_that_a_kill_could_leave(tmp_path: Path):
    with closing(Domain()) as domain, closing(Processes(tmp_path, domain.number, 1.0)) as processes:
        processes.start("safety")
        pid = processes.pid("safety")
        addresses = udp_addresses(pid)
        assert len(addresses) >= 2 and set(addresses) == {LOOPBACK}
        assert "/dev/shm/fastrtps" not in Path(f"/proc/{pid}/maps").read_text()
