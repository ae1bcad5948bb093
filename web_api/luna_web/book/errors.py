"""What the catalog refuses."""

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


class IsbnInvalid(LunaError):
    code = ErrorCode.ISBN_INVALID
    status = 422
    default_message = "This is not a valid ISBN"
