"""Frames that go out as they are."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from luna_web.shared.websocket import text_frame, text_of


@given(st.one_of(st.text(max_size=200), st.sampled_from(["x" * n for n in (125, 126, 65_535, 65_536)])))
def test_they_are_what_a_client_reads(text: str) -> None:
    client = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN)
    client.receive_data(text_frame(text))
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.fin, bytes(frame.data).decode()) == (True, text)
    assert text_of(text_frame(text)) == text
