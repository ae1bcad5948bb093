"""Library barcodes: 14 digits of Codabar, the last a check digit (Luhn, modulo 10)."""

ITEM = "3"
LIBRARY = "0000"


def item_barcode(number: int) -> str:
    """The barcode of item `number` (0…99,999,999) of this library: type 3, library, number, check digit."""
    if not 0 <= number <= 99_999_999:
        raise ValueError(f"item number {number} does not have eight digits")
    body = f"{ITEM}{LIBRARY}{number:08}"
    return body + luhn_digit(body)


def luhn_digit(body: str) -> str:
    """The check digit that makes the Luhn sum a multiple of ten (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)
