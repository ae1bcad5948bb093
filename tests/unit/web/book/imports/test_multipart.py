"""The file of a multipart body, however its bytes arrive."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.book.imports.errors import UploadIncomplete
from luna_web.book.imports.multipart import FilePart, boundary_of
from luna_web.shared.errors import ValidationFailed

BOUNDARY = b"xyz"


def part(
    content: bytes, disposition: str = 'form-data; name="file"; filename="books.csv"', kind: str = "text/csv"
) -> bytes:
    head = f"Content-Disposition: {disposition}\r\nContent-Type: {kind}\r\n\r\n".encode()
    return b"--xyz\r\n" + head + content + b"\r\n"


FORM_FIELD = b'--xyz\r\nContent-Disposition: form-data; name="dry_run"\r\n\r\ntrue\r\n'
END = b"--xyz--\r\n"


def read(body: bytes, cut: int = 1 << 16) -> tuple[str | None, str | None, bytes]:
    """(name, type, bytes) of the file in a body that comes in pieces of `cut` bytes."""

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), cut):
            yield body[start : start + cut]

    async def whole() -> tuple[str | None, str | None, bytes]:
        file = FilePart(stream(), BOUNDARY)
        await file.open()
        return file.file_name, file.content_type, b"".join([block async for block in file])

    return asyncio.run(whole())


@given(content=st.binary(max_size=60), cut=st.integers(1, 70), before=st.booleans())
def test_the_bytes_are_those_that_were_sent(content: bytes, cut: int, before: bool) -> None:
    if b"\r\n--xyz" in b"\r\n" + content:
        return
    body = (FORM_FIELD if before else b"") + part(content) + END

    assert read(body, cut) == ("books.csv", "text/csv", content)


def test_bytes_that_look_like_a_boundary_are_content() -> None:
    content = b"--xy\r\n--xy-\r\n--x\r\n\r\n"

    assert read(part(content) + END, 3)[2] == content


def test_a_name_in_another_script() -> None:
    disposition = "form-data; name=file; filename*=UTF-8''%E6%9B%B8.mrc"

    assert read(part(b"x", disposition) + END)[0] == "書.mrc"


@pytest.mark.parametrize("body", [END, FORM_FIELD + END])
def test_a_form_without_a_file_is_told_so(body: bytes) -> None:
    with pytest.raises(ValidationFailed):
        read(body)


@pytest.mark.parametrize("body", [b"", b"--xyz", b"--xyz\r\nContent-Disp", part(b"content")[:-4], part(b"content")])
def test_a_body_that_breaks_off_is_told_so(body: bytes) -> None:
    with pytest.raises(UploadIncomplete):
        read(body)


@pytest.mark.parametrize(
    "body", [b"x" * 200_000, b"--xyz\r\n" + b"A: b\r\n" * 10_000, FORM_FIELD * 20_000 + part(b"x") + END]
)
def test_nothing_before_the_file_grows_without_bound(body: bytes) -> None:
    with pytest.raises(ValidationFailed):
        read(body, 4096)


def test_the_boundary_is_that_of_the_content_type() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"'.replace(" b", "b")) == b"ab"
    with pytest.raises(ValidationFailed):
        boundary_of("multipart/form-data")


@pytest.mark.parametrize("kind", ["text/plain" + "(" * 2000, "text/plain" + "x" * 20_000])
def test_headers_that_no_parser_takes_are_told_so(kind: str) -> None:
    with pytest.raises(ValidationFailed):
        read(part(b"x", kind=kind) + END)
