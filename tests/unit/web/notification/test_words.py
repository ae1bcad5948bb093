"""What mails say: plain, and the same as HTML; nothing that is in a title becomes more than text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_web.notification.domain import NotificationType
from luna_web.notification.sending.words import words_of

ADDRESS = "https://luna.example.org"


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(html: str) -> Seen:
    parser = Seen()
    parser.feed(html)
    return parser


@pytest.mark.parametrize("type_", NotificationType)
def test_every_mail_says_how_to_get_no_more_of_them(type_: NotificationType) -> None:
    words = words_of(type_, "A book is due", "Please bring “Flatland” back, or renew it.", ADDRESS)
    for text in (words.text, seen(words.html).text):
        assert "Please bring “Flatland” back, or renew it." in text
        assert f"switch off email for {type_} in your notification settings" in text
    assert words.subject == "A book is due"


def test_a_mail_in_whole() -> None:
    words = words_of(NotificationType.LOAN_DUE, "A book is due", "Please bring “Flatland” back, or renew it.", ADDRESS)
    assert words.text == (
        "Hello,\n\nPlease bring “Flatland” back, or renew it.\n\nMore at https://luna.example.org\n\n"
        "You get this mail because you have an account at the library. To get none about due dates of your loans any"
        " more,\nswitch off email for LOAN_DUE in your notification settings:\nhttps://luna.example.org\n\n"
        "-- \nLUNA, the library's delivery robots\n"
    )


@given(st.text(), st.text())
def test_titles_stay_text_and_links_lead_to_the_library_only(title: str, message: str) -> None:
    plain = seen(words_of(NotificationType.LOAN_DUE, "x", "y", ADDRESS).html)
    found = seen(words_of(NotificationType.LOAN_DUE, f"<b>{title}", f'</p><script src="x">{message}', ADDRESS).html)
    assert found.tags == plain.tags
    assert set(found.links) == {ADDRESS}


@given(st.text())
def test_a_subject_is_one_line(title: str) -> None:
    assert len(words_of(NotificationType.LOAN_DUE, title, "", ADDRESS).subject.splitlines()) <= 1
