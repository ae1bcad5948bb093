"""Lines of a text file: none longer than a bound, bytes that are no text marked and not lost."""

import codecs
import io
from typing import BinaryIO

MAX_LINE = 1 << 20
"""Characters."""
MARKING = "luna.marked"


def _mark(error: UnicodeError) -> tuple[str, int]:
    """A lone surrogate for each byte that is no text: nothing that could be stored (`describing.storable`)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in wrong), error.end


codecs.register_error(MARKING, _mark)


class Lines:
    """Reads line after line; `number` is that of the last one, from 1."""

    def __init__(self, source: BinaryIO, encoding: str) -> None:
        self._text = io.TextIOWrapper(source, encoding, errors=MARKING)
        self.number = 0

    def read(self) -> str | None:
        """The next line with its end, "" at the end of the file; None in place of one that is too long."""
        line = self._text.readline(MAX_LINE + 1)
        self.number += bool(line)
        if len(line) <= MAX_LINE or line.endswith("\n"):
            return line
        while rest := self._text.readline(MAX_LINE):
            if rest.endswith("\n"):
                break
        return None
