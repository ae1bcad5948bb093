"""SMTP that ends at a deadline.

smtplib's time-out is for each read and write: a server that says a byte now and then holds its client for ever, and
name, connection, TLS and login take their time beside it. Here one deadline is over all of it.
"""

import smtplib
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Any


class Deadline:
    """Cuts the connection that it guards when the time is over; whatever waits on it then fails with an OSError."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._timer: threading.Timer | None = None
        self._guarded: socket.socket | None = None

    @property
    def left(self) -> float:
        return self._end - time.monotonic()

    @property
    def is_over(self) -> bool:
        return self.left <= 0

    def within(self, timeout: float) -> float:
        """So long at most, and not beyond the deadline. Raises TimeoutError when it is over."""
        if self.is_over:
            raise TimeoutError("the deadline is over")
        return min(timeout, self.left)

    def guard(self, connection: socket.socket) -> None:
        """A descriptor of our own, since TLS takes that of `connection` over while it shakes hands."""
        self._guarded = connection.dup()
        self._timer = threading.Timer(max(self.left, 0), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        """Whatever was guarded is done, or has failed."""
        if self._timer is not None:
            self._timer.cancel()
            # A cut that has begun ends before the descriptor becomes somebody else's.
            self._timer.join()
        if self._guarded is not None:
            self._guarded.close()

    def _cut(self) -> None:
        assert self._guarded is not None  # noqa: S101 - set before the timer
        with suppress(OSError):
            self._guarded.shutdown(socket.SHUT_RDWR)


class TimedSmtp(smtplib.SMTP):
    """Connects within the deadline, which then guards the connection."""

    def __init__(self, deadline: Deadline, *args: Any, **options: Any) -> None:
        self._deadline = deadline
        super().__init__(*args, **options)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """smtplib's own place for this; `SMTP_SSL` wraps what it gives."""
        connection = connect(host, port, timeout, self._deadline)
        self._deadline.guard(connection)
        return connection


class TimedSmtpTls(smtplib.SMTP_SSL, TimedSmtp):
    """The same, with TLS from the first byte."""

    def __init__(self, deadline: Deadline, *args: Any, **options: Any) -> None:
        self._deadline = deadline
        super().__init__(*args, **options)


def connect(host: str, port: int, timeout: float, deadline: Deadline) -> socket.socket:
    """A connection to the first of the host's addresses that takes one; `timeout` is for each. Raises OSError."""
    failure = OSError("the name has no address")
    for address in addresses(host, port, deadline):
        try:
            return socket.create_connection(address, deadline.within(timeout))
        except OSError as error:
            failure = error
    raise failure


def addresses(host: str, port: int, deadline: Deadline) -> list[tuple[str, int]]:
    """What a name stands for. The system's resolver knows no deadline: it goes on alone where it has not answered."""
    answer: Future[list[tuple[str, int]]] = Future()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result([(str(address[0]), int(address[1])) for *_, address in found])
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)

    threading.Thread(target=look_up, name="smtp-name", daemon=True).start()
    return answer.result(deadline.within(deadline.seconds))
