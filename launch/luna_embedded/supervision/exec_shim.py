"""Becomes a part's program: drops root where asked, and dies with the supervisor whatever kills it.

Usage: python -I -S exec_shim.py SIGNAL SUPERVISOR_PID UID:GID|- -- PROGRAM [ARGUMENTS…]

A program of its own because the parent-death signal (prctl(2), PR_SET_PDEATHSIG) must be set in the child after it has
changed its user, and because Python code between fork and exec is not safe in a process with threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    death_signal, supervisor, user = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if user != "-":
        uid, gid = (int(number) for number in user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != supervisor:  # it died before it could be watched
        sys.exit(1)
    program = sys.argv[5:]
    try:
        os.execv(program[0], program)  # noqa: S606 - becoming that program is what this one is for
    except OSError as error:
        sys.exit(f"cannot run {program[0]}: {error.strerror}")


main()
