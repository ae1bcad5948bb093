"""What a route needs to hear `If-Match`."""

from typing import Annotated

from fastapi import Depends, Header

from luna_web.shared.etags import IfMatch


async def _if_match(
    header: Annotated[
        str | None, Header(alias="If-Match", max_length=500, description="The ETag that the change builds on")
    ] = None,
) -> IfMatch | None:
    return IfMatch(header) if header is not None else None


IfMatchHeader = Annotated[IfMatch | None, Depends(_if_match)]
