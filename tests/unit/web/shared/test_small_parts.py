"""Ids, trace ids, paging, fields, rate limits: the pure parts."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from luna_web.shared.errors import ValidationFailed
from luna_web.shared.fields import Name, Text
from luna_web.shared.ids import new_id, new_ids, uuid7
from luna_web.shared.page_query import page_params
from luna_web.shared.paging import PageParams, Pagination, chosen_sort, pagination_of
from luna_web.shared.rate_limits import address_group
from luna_web.shared.tracing import accept_trace_id


class TestIds:
    @given(ms=st.integers(0, 2**48 - 1), bits=st.integers(0, 2**74 - 1))
    def test_a_version_7_uuid_carries_its_moment_and_every_random_bit(self, ms: int, bits: int) -> None:
        made = uuid7(ms, bits)

        assert (made.version, made.variant) == (7, "specified in RFC 4122")
        assert made.int >> 80 == ms
        assert ((made.int >> 64) & 0xFFF) << 62 | (made.int & (2**62 - 1)) == bits

    @given(st.integers(0, 2**48 - 2), st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
    def test_ids_sort_by_time(self, ms: int, one: int, other: int) -> None:
        assert uuid7(ms, one) < uuid7(ms + 1, other)

    def test_no_two_are_the_same(self) -> None:
        made: set[UUID] = {new_id() for _ in range(1000)}

        assert len(made) == 1000

    def test_many_at_once_are_different_in_order_and_of_this_moment(self) -> None:
        before = new_id()
        made = new_ids(1000)

        assert len(set(made)) == 1000
        assert made == sorted(made)
        assert {one.version for one in made} == {7}
        assert made[0].int >> 80 >= before.int >> 80
        assert new_ids(0) == []


class TestTraceId:
    @pytest.mark.parametrize("sane", ["abcdefgh", "a-b_c.d1", "x" * 64])
    def test_a_sane_one_is_kept(self, sane: str) -> None:
        assert accept_trace_id(sane) == sane

    @pytest.mark.parametrize("other", [None, "", "short", "x" * 65, "has space1", "new\nline12", "sémantique"])
    def test_another_is_replaced(self, other: str | None) -> None:
        assert accept_trace_id(other) != other


class TestPaging:
    def test_the_pages_of_a_total(self) -> None:
        assert pagination_of(PageParams(2, 20), 41) == Pagination(page=2, limit=20, total=41, total_pages=3)

    def test_what_is_beyond_the_cap_is_told_as_capped(self) -> None:
        told = pagination_of(PageParams(), 10_001)

        assert (told.total, told.total_capped) == (10_000, True)

    def test_reaching_beyond_ten_thousand_is_refused(self) -> None:
        assert asyncio.run(page_params(page=100, limit=100)).offset == 9_900
        with pytest.raises(ValidationFailed):
            asyncio.run(page_params(page=101, limit=100))

    def test_an_unknown_sort_names_the_allowed(self) -> None:
        with pytest.raises(ValidationFailed) as refused:
            chosen_sort(PageParams(sort="colour"), ("title", "author"), "title")

        assert refused.value.details == {"fields": {"sort": ["must be one of: author, title"]}}


class TestFields:
    @pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
    def test_what_a_database_cannot_hold_is_refused(self, text: str) -> None:
        with pytest.raises(ValidationError):
            TypeAdapter(Text).validate_python(text)

    @pytest.mark.parametrize("name", ["", "   ", "x" * 101])
    def test_a_name_is_there_and_not_endless(self, name: str) -> None:
        with pytest.raises(ValidationError):
            TypeAdapter(Name).validate_python(name)

    def test_a_name_keeps_its_script(self) -> None:
        assert TypeAdapter(Name).validate_python(" 李 ") == "李"


class TestAddressGroup:
    def test_an_ipv6_customer_counts_as_one(self) -> None:
        assert address_group("2001:db8::1") == address_group("2001:db8::ffff:2") == "2001:db8::/64"

    def test_an_ipv4_address_counts_alone(self) -> None:
        assert address_group("192.0.2.1") == "192.0.2.1"

    def test_a_caller_without_an_address_counts_too(self) -> None:
        assert address_group(None) == "unknown"


class TestAddressGroups:
    def test_ipv4_behind_an_ipv6_socket_counts_as_itself(self) -> None:
        assert address_group("::ffff:192.0.2.1") == "192.0.2.1"

    def test_a_zone_is_no_part_of_an_address(self) -> None:
        assert address_group("fe80::1%eth0") == "fe80::/64"
