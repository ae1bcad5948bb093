"""Languages by the codes and names that tables of books use, as MARC codes (ISO 639-2, bibliographic)."""

from functools import lru_cache

_BY_TWO_LETTERS = {
    "ar": "ara", "be": "bel", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "cze", "cy": "wel", "da": "dan", "de": "ger",
    "el": "gre", "en": "eng", "eo": "epo", "es": "spa", "et": "est", "eu": "baq", "fa": "per", "fi": "fin", "fr": "fre",
    "ga": "gle", "gl": "glg", "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun", "hy": "arm", "id": "ind", "is": "ice",
    "it": "ita", "ja": "jpn", "ka": "geo", "kk": "kaz", "ko": "kor", "la": "lat", "lt": "lit", "lv": "lav", "mk": "mac",
    "mn": "mon", "ms": "may", "nl": "dut", "nb": "nor", "nn": "nor", "no": "nor", "pl": "pol", "pt": "por", "ro": "rum",
    "ru": "rus", "sa": "san", "sk": "slo", "sl": "slv", "sq": "alb", "sr": "srp", "sv": "swe", "sw": "swa", "ta": "tam",
    "th": "tha", "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie", "yi": "yid", "zh": "chi",
}  # fmt: skip
_BY_NAME = {
    "arabic": "ara", "bulgarian": "bul", "catalan": "cat", "chinese": "chi", "croatian": "hrv", "czech": "cze",
    "danish": "dan", "dutch": "dut", "english": "eng", "finnish": "fin", "french": "fre", "german": "ger",
    "greek": "gre", "hebrew": "heb", "hindi": "hin", "hungarian": "hun", "indonesian": "ind", "italian": "ita",
    "japanese": "jpn", "korean": "kor", "latin": "lat", "norwegian": "nor", "persian": "per", "polish": "pol",
    "portuguese": "por", "romanian": "rum", "russian": "rus", "serbian": "srp", "slovak": "slo", "spanish": "spa",
    "swedish": "swe", "thai": "tha", "turkish": "tur", "ukrainian": "ukr", "vietnamese": "vie", "yiddish": "yid",
}  # fmt: skip
_TERMINOLOGICAL = {
    "bod": "tib", "ces": "cze", "cym": "wel", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fra": "fre",
    "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "mri": "mao", "msa": "may", "mya": "bur", "nld": "dut",
    "ron": "rum", "slk": "slo", "sqi": "alb", "zho": "chi",
}  # fmt: skip


@lru_cache(maxsize=1000)
def language_code(text: str) -> str | None:
    """The MARC code of `eng`, `en`, `en-GB`, `deu` or `English`; None if it is none of these."""
    word = text.strip().casefold()
    if word in _BY_NAME:
        return _BY_NAME[word]
    code = word.replace("_", "-").split("-", 1)[0]
    if len(code) == 2:
        return _BY_TWO_LETTERS.get(code)
    if len(code) == 3 and code.isascii() and code.isalpha():
        return _TERMINOLOGICAL.get(code, code)
    return None
