"""Which page of a list a request asks for."""

from typing import Annotated

from fastapi import Depends, Query

from luna_web.shared.errors import ValidationFailed
from luna_web.shared.paging import REACH, Order, PageParams


async def page_params(
    page: Annotated[int, Query(ge=1, le=REACH)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    sort: Annotated[str | None, Query(max_length=64)] = None,
    order: Order | None = None,
) -> PageParams:
    """The paging of a list request; reaching beyond row 10,000 is refused."""
    if page * limit > REACH:
        raise ValidationFailed({"page": [f"page times limit must not exceed {REACH}"]})
    return PageParams(page, limit, sort, order)


Paging = Annotated[PageParams, Depends(page_params)]
