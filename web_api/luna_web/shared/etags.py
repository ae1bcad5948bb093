"""ETags of rows with a version, and the headers that name them (RFC 9110, sections 8.8.3 and 13.1)."""

import re
from dataclasses import dataclass

_LIST = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e]*"\s*)*')
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')


def etag(version: int) -> str:
    """The strong ETag of a version."""
    return f'"{version}"'


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The header `If-Match`: strong tags alone count; `*` names whatever there is. What is no list names nothing."""

    header: str

    def names(self, version: int) -> bool:
        if self.header.strip() == "*":
            return True
        if not _LIST.fullmatch(self.header):
            return False
        return any(tag == str(version) for weak, tag in _TAG.findall(self.header) if not weak)


def if_none_match_names(header: str | None, version: int) -> bool:
    """Whether `If-None-Match` names this version, weakly or strongly."""
    if header is None:
        return False
    return header.strip() == "*" or any(tag == str(version) for _, tag in _TAG.findall(header))
