"""Years of publication as title pages and cataloguers write them."""

import re
import unicodedata

_WESTERN = re.compile(r"(?<!\d)(1[0-9]{3}|20[0-9]{2})(?!\d)")
_CORRECTED = re.compile(r"\[\s*i\.\s*e\.?,?\s*(1[0-9]{3}|20[0-9]{2})", re.IGNORECASE)
_HIJRI_WITH_WESTERN = re.compile(
    r"(?<!\d)1[234]\d\d\s*(?:h\.?|a\.?\s?h\.?|هـ?)?\s*[\[(]\s*(1[0-9]{3}|20[0-9]{2})\D", re.I
)
_HIJRI = re.compile(r"(?<!\d)(1[234]\d\d)\s*(?:h\b|a\.?\s?h\b|هـ|ه(?!\w))", re.IGNORECASE)
_OTHER = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_ERAS = (
    (r"meiji|明治", 1867),
    (r"taish[oō]|大正", 1911),
    (r"sh[oō]wa|昭和", 1925),
    (r"heisei|平成", 1988),
    (r"reiwa|令和", 2018),
    (r"min\s?guo|民國|民国|中華民國", 1911),
)
"""Each with the year before its first."""
_IN_AN_ERA = tuple(
    (re.compile(rf"(?:{name})\s*(\d{{1,3}}|元|gannen)", re.IGNORECASE), before) for name, before in _ERAS
)
_BUDDHIST = range(2400, 2600)
_BUDDHIST_BEGINS = 543
_HEBREW = range(5500, 5800)
_HEBREW_BEGINS = 3760


def read_year(text: str) -> int | None:
    """The year (1000…2099) that an imprint names; None for `[19--?]`, `19uu`, `2999` and what names none.

    A correction (`1893 [i.e. 1983]`) goes before what it corrects, the western year before that of another calendar
    (`1424 [2003]`, `Heisei 11 [1999]`). A Hijri year must be marked (`1424 H`) and becomes the western year in which
    it begins, give or take one (1 lunar year = 0.970224 solar ones); Japanese and Minguo eras are counted from their
    first year, the Buddhist (2400…2599) and Hebrew (5500…5799) calendars from 543 and 3760 before our era.
    """
    plain = _with_plain_digits(text)
    for pattern in (_CORRECTED, _HIJRI_WITH_WESTERN):
        if found := pattern.search(plain + " "):
            return int(found.group(1))
    if found := _HIJRI.search(plain):
        return int(int(found.group(1)) * 0.970224 + 621.5774)
    if found := _WESTERN.search(plain):
        return int(found.group())
    return _of_an_era(plain) or _of_another_calendar(plain)


def _with_plain_digits(text: str) -> str:
    """`١٤٢٤` and `２００３` in the digits that the rest is written for."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


def _of_an_era(text: str) -> int | None:
    for pattern, before in _IN_AN_ERA:
        if found := pattern.search(text):
            number = found.group(1)
            return before + (int(number) if number.isdecimal() else 1)
    return None


def _of_another_calendar(text: str) -> int | None:
    for found in _OTHER.finditer(text):
        year = int(found.group())
        if year in _BUDDHIST:
            return year - _BUDDHIST_BEGINS
        if year in _HEBREW:
            return year - _HEBREW_BEGINS
    return None
