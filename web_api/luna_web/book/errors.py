"""What the catalog refuses."""

from uuid import UUID

from luna_web.book.domain import BookStatus
from luna_web.shared.errors import ErrorCode, LunaError, NotFound


class BookNotFound(NotFound):
    default_message = "There is no such book"


class CopyNotFound(NotFound):
    default_message = "There is no such copy"


class BookNotAvailable(LunaError):
    code = ErrorCode.BOOK_NOT_AVAILABLE
    status = 409

    def __init__(self, current: BookStatus) -> None:
        super().__init__("No copy of this book is free now", details={"current_status": current})


class BookInUse(LunaError):
    """Copies that a reader, a request or a robot has cannot be taken away; `barcodes` says which."""

    code = ErrorCode.BOOK_IN_USE
    status = 409

    def __init__(self, barcodes: list[str]) -> None:
        super().__init__(
            "This is lent, requested or on a robot; try again when it is back", details={"barcodes": barcodes}
        )


class IsbnInvalid(LunaError):
    code = ErrorCode.ISBN_INVALID
    status = 422
    default_message = "This is not a valid ISBN: 10 or 13 digits, the last a check digit that fits"


class IsbnTaken(LunaError):
    code = ErrorCode.ISBN_TAKEN
    status = 409

    def __init__(self, book_id: UUID | None) -> None:
        super().__init__(
            "Another title has this ISBN", details={"book_id": str(book_id)} if book_id is not None else None
        )


class BarcodeTaken(LunaError):
    code = ErrorCode.BARCODE_TAKEN
    status = 409
    default_message = "Another copy carries this barcode"
