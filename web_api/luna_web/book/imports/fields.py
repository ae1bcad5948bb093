"""The one table of what an import reads: for each field of a title, where a MARC record and a table have it.

`docs/import.md` shows it; `python -m luna_web.book.imports.fields` prints that part of the page.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Overlay(StrEnum):
    """What a record does to a title that is there already."""

    REPLACE = "replaces"
    FILL = "fills"
    PAIR = "goes with the field that it transcribes"
    COPIES = "adds copies"
    NONE = "is only compared"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """`headers` are the names of its column, the usual one first; empty where a table cannot give it."""

    name: str
    marc: str
    headers: tuple[str, ...]
    overlay: Overlay
    takes: str


TABLE: tuple[FieldRule, ...] = (
    FieldRule(
        "title",
        "245 $a $b $n $p; its own script from the 880 linked to it, or from an 880 `245-00` where there is no 245",
        ("title", "book title", "main title", "titel", "haupttitel", "buchtitel", "titre", "título", "titulo", "titolo",
         "tytuł", "título principal", "název", "otsikko", "название", "заглавие", "标题", "題名", "书名", "書名",
         "タイトル", "العنوان", "כותר", "başlık", "245a"),
        Overlay.REPLACE,
        "1 to 1,000 characters; without it a record is rejected",
    ),
    FieldRule(
        "subtitle",
        "in 245 $b",
        ("subtitle", "sub title", "remainder of title", "untertitel", "sous-titre", "subtítulo", "sottotitolo", "245b"),
        Overlay.REPLACE,
        "joined to the title: `title: subtitle`",
    ),
    FieldRule(
        "title_romanized",
        "the 245 itself, where an 880 gives the title in its own script",
        ("title romanized", "romanized title", "transliterated title", "titel umschrift"),
        Overlay.PAIR,
        "1 to 1,000 characters",
    ),
    FieldRule(
        "author",
        "100 $a, else 110 $a $b, 111 $a, else the first 700 or 710 without $5; own script as with the title",
        ("author", "authors", "creator", "main author", "author name", "verfasser", "autor", "autoren", "autor/in",
         "auteur", "auteurs", "autores", "autore", "autori", "forfatter", "författare", "автор", "作者", "著者",
         "المؤلف", "מחבר", "yazar", "100a"),
        Overlay.REPLACE,
        "1 to 500 characters, as found: `Tolstoy, Leo`",
    ),
    FieldRule(
        "author_romanized",
        "the author's field itself, where an 880 gives the name in its own script",
        ("author romanized", "romanized author", "transliterated author"),
        Overlay.PAIR,
        "1 to 500 characters",
    ),
    FieldRule(
        "isbn",
        "020 $a, each; $z is kept apart",
        ("isbn", "isbn13", "isbn 13", "isbn10", "isbn 10", "isbn/ean", "ean", "isbns", "isbn number",
         "isbns other", "isbns invalid", "020a"),
        Overlay.FILL,
        "one or several, in any spelling, with qualifiers and prices; the first right one counts, further right ones"
        " are kept beside it, wrong ones apart",
    ),
    FieldRule(
        "control_number",
        "001",
        ("control number", "record number", "record id", "bib id", "bibnumber", "biblionumber", "lccn", "oclc", "ppn",
         "kontrollnummer", "número de control", "numéro de notice", "001"),
        Overlay.FILL,
        "up to 100 characters; identifies the record in the system that it comes from",
    ),
    FieldRule(
        "publisher",
        "264 with second indicator 1, else 260, $b; own script where an 880 gives it",
        ("publisher", "publisher name", "verlag", "éditeur", "editeur", "editorial", "editora", "editore", "wydawca",
         "wydawnictwo", "uitgever", "förlag", "издательство", "出版社", "出版者", "الناشر", "yayınevi", "260b", "264b"),
        Overlay.REPLACE,
        "1 to 500 characters; `[s.n.]` is nobody",
    ),
    FieldRule(
        "publication_year",
        "008/07-10, else 264 or 260 $c",
        ("publication year", "year", "year of publication", "pub year", "published", "date", "publication date",
         "copyright year", "jahr", "erscheinungsjahr", "année", "annee", "date de publication", "año", "ano",
         "año de publicación", "anno", "rok", "rok wydania", "jaar", "år", "год", "год издания", "出版年", "年",
         "yayın yılı", "260c", "264c"),
        Overlay.REPLACE,
        "a year from 1000 to next year, found in `c1998`, `[2003?]`, `1424 [2003]`, `昭和50`; not in `19uu` or `2999`",
    ),
    FieldRule(
        "description",
        "520 $a $b",
        ("description", "summary", "abstract", "annotation", "notes", "beschreibung", "inhalt", "zusammenfassung",
         "résumé", "resume", "descripción", "resumen", "resumo", "descrição", "descrizione", "opis", "описание",
         "аннотация", "内容简介", "内容紹介", "520a"),
        Overlay.REPLACE,
        "up to 20,000 characters",
    ),
    FieldRule(
        "language",
        "008/35-37",
        ("language", "language code", "lang", "sprache", "langue", "idioma", "lingua", "język", "taal", "språk", "язык",
         "语言", "言語", "dil", "041a"),
        Overlay.REPLACE,
        "a MARC code (`eng`), a two-letter code (`en`, `pt-BR`) or an English name",
    ),
    FieldRule(
        "call_number",
        "050 $a $b, else 090 $a $b, else 082 $a",
        ("call number", "callnumber", "call no", "classification", "dewey", "ddc", "lcc", "lc call number", "signatur",
         "cote", "signatura", "cota", "collocazione", "sygnatura", "шифр", "索书号", "請求記号", "050a", "082a"),
        Overlay.REPLACE,
        "up to 100 characters",
    ),
    FieldRule(
        "cover_image_url",
        "—",
        ("cover image url", "cover url", "cover", "cover image", "image", "image url", "thumbnail", "titelbild"),
        Overlay.REPLACE,
        "an `http` or `https` address of up to 2,000 characters",
    ),
    FieldRule(
        "barcode",
        "852 $p, each 852 a copy",
        ("barcode", "barcodes", "item barcode", "copy barcode", "accession number", "accession no", "inventory number",
         "strichcode", "mediennummer", "inventarnummer", "code-barres", "code barres", "código de barras",
         "codice a barre", "kod kreskowy", "штрихкод", "инвентарный номер", "条码", "バーコード", "852p"),
        Overlay.COPIES,
        "one or several (parted by `;`, `|` or `,`), each 3 to 32 letters, digits or hyphens",
    ),
    FieldRule(
        "shelf_location",
        "852 $k $h $i $m, else $j, else $c, else $b; without an 852 the call number",
        ("shelf location", "shelf", "location", "shelving location", "standort", "regal", "emplacement", "localisation",
         "ubicación", "localização", "estante", "scaffale", "półka", "расположение", "полка", "架位", "所在", "852c"),
        Overlay.COPIES,
        "up to 100 characters",
    ),
    FieldRule(
        "copies",
        "each 852 without $p is one more",
        ("copies", "copy count", "number of copies", "no of copies", "quantity", "qty", "items", "exemplare", "anzahl",
         "exemplaires", "ejemplares", "exemplares", "copie", "liczba egzemplarzy", "экземпляров", "册数", "冊数"),
        Overlay.COPIES,
        "0 to 999: how many copies there are to be in all",
    ),
)  # fmt: skip
NAMES = tuple(rule.name for rule in TABLE)
IGNORE = "-"
"""What a mapping says of a column that is to be left out."""
_NOT_A_LETTER = re.compile(r"[\W_]+")


def header_key(text: str) -> str:
    """A header as it is compared: without case, accents, spaces and punctuation."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return _NOT_A_LETTER.sub("", "".join(char for char in folded if not unicodedata.combining(char)))


@lru_cache(maxsize=1)
def _by_header() -> dict[str, str]:
    return {header_key(header): rule.name for rule in TABLE for header in (rule.name, *rule.headers)}


def field_of_header(header: str) -> str | None:
    """The field that a column of this name gives; None if no field is called so."""
    return _by_header().get(header_key(header))


def as_markdown() -> str:
    """The table as the documentation shows it."""
    lines = ["| field | MARC 21 | columns called | takes | a title that is there: it |", "|---|---|---|---|---|"]
    for rule in TABLE:
        headers = ", ".join(f"`{header}`" for header in rule.headers)
        lines.append(f"| `{rule.name}` | {rule.marc} | {headers} | {rule.takes} | {rule.overlay} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
