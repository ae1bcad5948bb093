"""Which way a notification takes."""

from hypothesis import given
from hypothesis import strategies as st

from luna_web.notification.domain import Channel, NotificationType
from luna_web.notification.preferences import Ways, defaults, effective, locked
from luna_web.shared.principal import Role

WAYS = st.builds(Ways, in_app=st.booleans(), email=st.booleans(), push=st.booleans())


@given(st.sampled_from(Role), st.sampled_from(NotificationType), WAYS)
def test_what_was_chosen_holds_but_for_what_stays_on(role: Role, type_: NotificationType, chosen: Ways) -> None:
    ways = effective(role, type_, chosen)
    for channel in Channel:
        assert ways.has(channel) == (chosen.has(channel) or channel in locked(type_))


@given(st.sampled_from(Role), st.sampled_from(NotificationType))
def test_until_somebody_chooses_the_defaults_hold(role: Role, type_: NotificationType) -> None:
    assert effective(role, type_, None) == defaults(role)[type_]
    assert effective(role, type_, None).in_app


def test_only_the_list_itself_stays_on() -> None:
    """Nobody is made to get mails or pushes."""
    assert frozenset().union(*(locked(type_) for type_ in NotificationType)) == {Channel.IN_APP}


def test_a_reader_gets_mails_of_due_dates_and_staff_none_of_every_request() -> None:
    assert effective(Role.STUDENT, NotificationType.LOAN_DUE, None).email
    assert effective(Role.STUDENT, NotificationType.REQUEST_STATUS, None).email
    assert not effective(Role.LIBRARIAN, NotificationType.REQUEST_STATUS, None).email
