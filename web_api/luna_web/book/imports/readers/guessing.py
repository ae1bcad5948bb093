"""Which of the encodings before Unicode a text is in.

`charset-normalizer` tells scripts apart well, but of the Latin encodings it takes the first that gives letters at all:
for Spanish that of Poland. Which letters they give tells those apart.
"""

LOOKED_AT = 1 << 16
_CANDIDATES = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r", "iso8859_2", "iso8859_5",
    "cp437", "cp850", "cp852", "mac_roman", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr",
)  # fmt: skip
_WESTERN = frozenset("äöüßéèêëàâáãåçñóòôõíìîïúùûøæœÄÖÜÉÈÊËÀÂÁÃÅÇÑÓÒÔÕÍÌÎÏÚÙÛØÆŒ¿¡")
_CENTRAL = frozenset("ąćęłńóśźżáčďéěíňřšťúůýžőűöüăâîşţđëôäßĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽŐŰÖÜĂÂÎŞŢĐËÔÄ")
_TURKISH = frozenset("ğşıçöüâîûĞŞİÇÖÜÂÎÛ")
_BALTIC = frozenset("āčēģīķļņšūžąęėįųõäöüĀČĒĢĪĶĻŅŠŪŽĄĘĖĮŲÕÄÖÜ")
_LATIN = {
    "cp1252": _WESTERN, "cp1250": _CENTRAL, "cp1254": _TURKISH, "iso8859_2": _CENTRAL, "cp1257": _BALTIC,
    "mac_roman": _WESTERN, "cp850": _WESTERN, "cp437": _WESTERN, "cp852": _CENTRAL,
}  # fmt: skip
"""With the letters of the languages that use them; of equals the first is the likelier."""
_NEUTRAL = frozenset("–—’‘“”„‚«»…°ºª·§©®€\xa0")


def guessed_encoding(sample: bytes) -> str:
    """The likeliest one; cp1252 where nothing speaks for any."""
    from charset_normalizer import from_bytes

    best = from_bytes(sample[:LOOKED_AT], cp_isolation=list(_CANDIDATES), enable_fallback=False).best()
    if best is not None and best.encoding not in _LATIN:
        return str(best.encoding)
    return max(_LATIN, key=lambda encoding: _likelihood(sample[:LOOKED_AT], encoding))


def _likelihood(sample: bytes, encoding: str) -> float:
    """The share of what is not ASCII that is a letter of its languages; a usual mark is half as good."""
    text = sample.decode(encoding, "replace")
    marks = [char for char in text if not char.isascii()]
    letters = _LATIN[encoding]
    good = sum(1.0 if char in letters else 0.5 if char in _NEUTRAL else 0.0 for char in marks)
    return good / max(len(marks), 1)
