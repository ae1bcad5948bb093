"""Rules of the catalog. Nothing here commits.

What other services call is here; the catalog's own routes take the modules: `reading`, `titles`, `copies`.
"""

from luna_web.book.service.lending import (
    get_copy,
    get_copy_by_barcode,
    list_copies,
    lock_copy,
    removed_titles,
    reserve_copy,
    reserve_if_free,
    set_copy_status,
    set_shelf_location,
    titles_with_free_copies,
)
from luna_web.book.service.reading import checked_isbn, get_title
from luna_web.book.service.views import CopyView, TitleView

__all__ = [
    "CopyView",
    "TitleView",
    "checked_isbn",
    "get_copy",
    "get_copy_by_barcode",
    "get_title",
    "list_copies",
    "lock_copy",
    "removed_titles",
    "reserve_copy",
    "reserve_if_free",
    "set_copy_status",
    "set_shelf_location",
    "titles_with_free_copies",
]
