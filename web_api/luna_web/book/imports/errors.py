"""What bulk import refuses before a job begins. What is wrong inside of a file is told in the job."""

from luna_web.shared.errors import ErrorCode, LunaError, NotFound


class ImportNotFound(NotFound):
    default_message = "There is no such import"


class UploadTooLarge(LunaError):
    code = ErrorCode.PAYLOAD_TOO_LARGE
    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"A file may have {limit:,} bytes", details={"limit": limit})


class UploadIncomplete(LunaError):
    """The body ended, or fell silent, before it was whole."""

    code = ErrorCode.UPLOAD_INCOMPLETE
    status = 400
    default_message = "The upload ended before the file was whole; nothing was kept of it"


class UnknownFileKind(LunaError):
    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE
    status = 415
    default_message = "This is no file that can be imported: send MARC 21 (.mrc), MARCXML, CSV, XLSX or JSON Lines"


class TooManyImports(LunaError):
    code = ErrorCode.LIMIT_REACHED
    status = 409

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} imports are waiting already; try again when some are done", details={"limit": most})
