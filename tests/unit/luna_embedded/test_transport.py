"""What Fast DDS is told: loopback alone, without shared memory."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from luna_embedded.floor_facts import PARTICIPANTS
from luna_embedded.install.ros_variables import FAST_DDS, run_variables
from luna_embedded.layout import this_checkout

NAMES = {"p": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}


def found(path: str) -> list[str | None]:
    return [one.text for one in ElementTree.parse(FAST_DDS).iterfind(f".//p:{path}", NAMES)]  # noqa: S314 - our own


def test_one_transport_over_udp_on_loopback_is_all_there_is_and_discovery_is_left_to_it() -> None:
    assert found("transport_descriptor/p:type") == ["UDPv4"]
    assert found("transport_descriptor/p:interfaceWhiteList/p:address") == ["127.0.0.1"]
    assert (found("useBuiltinTransports"), found("userTransports/p:transport_id")) == (["false"], ["luna_loopback"])
    assert found("initialPeersList/p:locator/p:udpv4/p:address") == ["127.0.0.1"]
    assert (found("mutation_tries"), found("maxInitialPeersRange")) == ([str(PARTICIPANTS)], [str(PARTICIPANTS)])


def test_every_ros_process_is_told() -> None:
    checkout = this_checkout()
    variables = run_variables(checkout.ros_env, checkout.ros_install)
    assert Path(variables["FASTRTPS_DEFAULT_PROFILES_FILE"]).samefile(FAST_DDS)
    assert variables["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "SYSTEM_DEFAULT"
