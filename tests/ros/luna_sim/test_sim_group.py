"""`./luna sim` as a person uses it: a simulator alone, a recording of it, a picture of that; and its end by Ctrl-C."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from irobot_create_msgs.action import Undock
from luna_sim_msgs.srv import InjectFault
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from PIL import Image, ImageColor

from luna_sim.picture import COLOURS
from luna_sim.picture import main as picture
from luna_sim.recording.__main__ import main as record
from luna_sim.recording.definitions import UnknownMessage, full_definition
from luna_sim.recording.reading import RecordingError, read_recording

from .conftest import DOMAIN, FLOOR, ROOT, Client

SPEED = 5.0


def sim(state: Path, *words: str) -> "subprocess.Popen[str]":
    """`./luna sim …`, past the script that makes environments: they are there, tests run in one."""
    variables = {name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ}
    variables |= {"PYTHONPATH": str(ROOT / "launch"), "ROS_DOMAIN_ID": DOMAIN, "LUNA_STATE": str(state)}
    command = [str(ROOT / ".luna/env-web/bin/python"), "-m", "luna_embedded", "sim", *words]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def done(process: "subprocess.Popen[str]", code: int = 0) -> str:
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code, said
    return said


def test_a_simulator_alone_is_recorded_and_drawn(tmp_path: Path) -> None:
    state, bag = tmp_path / "state", tmp_path / "drive.mcap"
    simulator = sim(state, "--robots", "2", "--speed", str(SPEED))
    client = Client()
    try:
        client.until(lambda: client.odom.last, 30, "odom")
        recorder = sim(state, "record", str(bag), "--for", "40")
        client.until(lambda: client.node.count_subscribers("/luna1/tf"), 30, "the recording's begin")
        back = InjectFault.Request(kind="CLOCK_STEP", values="{seconds: -3600}")
        assert client.call(InjectFault, "/luna_sim/inject_fault", back).success
        # Nobody publishes the lock: the robot drives all the same.
        handle = client.send(Undock, "undock", Undock.Goal())
        assert not client.result_of(handle.get_result_async(), 30).result.is_docked
        # To its last message: where the clock comes late and leaps over the end, that lies some way before it.
        assert re.search(r"drive\.mcap: ([23]\d\.\d|40\.0) s, \d+ topics", done(recorder))
        assert "trail.svg: 2 robots" in done(sim(state, "picture", str(tmp_path / "trail.svg"), "--from", str(bag)))
    finally:
        client.close()
        simulator.send_signal(signal.SIGINT)
        said = done(simulator)
    assert "luna1,luna2 on library, at 5 times real time" in said and f"ROS_DOMAIN_ID={DOMAIN}" in said
    assert not (tmp_path / "drive.mcap.part").exists()
    check_recording(bag)
    drawing = (tmp_path / "trail.svg").read_text()
    assert drawing.count("<polyline") == 2 and ">luna2</text>" in drawing
    check_pictures_of_now(state / "sim-alone", tmp_path)
    assert record([str(bag)]) == 1, "what is there is not overwritten"


def check_recording(bag: Path) -> None:
    """It opens as any MCAP of ROS 2, and tells how the robot left its dock."""
    with bag.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        summary, header = reader.get_summary(), reader.get_header()
        assert header.profile == "ros2" and summary is not None and summary.statistics is not None
        kinds = {c.topic: summary.schemas[c.schema_id].name for c in summary.channels.values()}
        of_robots = {f"/luna{n}/{name}" for n in (1, 2) for name in ("tf", "tf_static", "odom", "map")}
        assert of_robots <= kinds.keys() and "/clock" not in kinds
        assert kinds["/luna1/map"] == "nav_msgs/msg/OccupancyGrid"
        assert summary.statistics.message_end_time - summary.statistics.message_start_time >= 20e9
        times = [one.log_time for _, _, one in reader.iter_messages(log_time_order=False)]
        assert times == sorted(times), "a clock that is set back takes no message with it"
        static = next(c for c in summary.channels.values() if c.topic == "/luna1/tf_static")
        assert "durability: 1" in static.metadata["offered_qos_profiles"]
        told = reader.iter_decoded_messages(topics=["/luna1/map", "/luna1/odom"])
        decoded = {c.topic: message for _, c, _, message in told}
    assert (decoded["/luna1/map"].info.width, decoded["/luna1/odom"].child_frame_id) == (800, "base_link")
    seen = read_recording(bag)
    (x, _), pose = seen.trails["luna1"][0], seen.robots["luna1"]
    assert x == pytest.approx(0.65, abs=0.1) and pose.x > x + 0.2 and len(seen.trails["luna2"]) == 1


def check_pictures_of_now(saved: Path, folder: Path) -> None:
    """Robots as the simulator kept them, on a floor without a plan."""
    for name in ("map.yaml", "map.pgm"):
        shutil.copy(FLOOR / name, folder)
    words = ["--floor", str(folder), "--state-dir", str(saved), str(folder / "now.png")]
    assert picture(words) == 0
    image = Image.open(folder / "now.png").convert("RGB")
    dock = (round(0.65 * 40), round((25 - 8.3) * 40))
    assert image.size == (1600, 1000)
    assert image.getpixel((dock[0], dock[1] + 9)) == pytest.approx(ImageColor.getrgb(COLOURS[1]), abs=8)
    assert picture([*words[:-1], str(folder / "now.gif")]) == 1


def test_definitions_are_whole_and_what_is_no_recording_is_named(tmp_path: Path) -> None:
    whole = full_definition("nav_msgs/msg/Odometry")
    parts = [line.removeprefix("MSG: ") for line in whole.splitlines() if line.startswith("MSG: ")]
    assert len(parts) == len(set(parts))
    assert {"std_msgs/Header", "geometry_msgs/Pose", "builtin_interfaces/Time"} <= set(parts)
    with pytest.raises(UnknownMessage, match=r"std_msgs/msg/Boole is not found"):
        full_definition("std_msgs/msg/Boole")
    (tmp_path / "torn.mcap").write_bytes(b"\x89MCAP0\r\n torn")
    for name, complaint in (("none.mcap", "No such file"), ("torn.mcap", "not a whole MCAP recording")):
        with pytest.raises(RecordingError, match=complaint):
            read_recording(tmp_path / name)
