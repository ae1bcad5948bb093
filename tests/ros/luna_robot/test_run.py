"""How a process of ours ends, whenever it is told to."""

import os
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from tests.domains import Domain

DEADLINE_S = 60

# Sends itself the signal while rclpy makes a message out of what has come in.
PROGRAM = """
import os, signal, sys
from rclpy.node import Node
from std_msgs.msg import String
from luna_robot.nodes.polled import PolledSubscription
from luna_robot.nodes.run import run

taking, init = [False], String.__init__

signal.signal(signal.SIGUSR1, signal.SIG_IGN)

def make(message, *args, **given):
    init(message, *args, **given)
    if taking[0]:
        print("making", flush=True)
        os.kill(os.getpid(), signal.Signals[sys.argv[1]])

String.__init__ = make

def build():
    node = Node("ends")
    said = node.create_publisher(String, "said", 1)
    polled = PolledSubscription(node, String, "said", print, 1)
    def turn():
        taking[0] = False
        said.publish(String(data="a word"))
        taking[0] = True
        polled.poll()
        if sys.argv[1] == "SIGCONT":
            raise RuntimeError("its own")
        if sys.argv[1] == "SIGUSR1":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                raise RuntimeError("its own") from None
    node.create_timer(0.02, turn)
    return [node], None

sys.exit(run(build, None))
"""


def ended(signal_name: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", PROGRAM, signal_name]
    with closing(Domain()) as domain:
        alone = {**os.environ, "ROS_DOMAIN_ID": str(domain.number)}
        return subprocess.run(command, capture_output=True, text=True, env=alone, timeout=DEADLINE_S, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_message_is_made_ends_it_in_order(number: signal.Signals) -> None:
    done = ended(number.name)

    assert "making" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("when", ["SIGCONT", "SIGUSR1"], ids=["at any time", "at Ctrl-C"])
def test_an_error_of_its_own_is_told(when: str) -> None:
    done = ended(when)

    assert done.returncode == 1
    assert "RuntimeError: its own" in done.stderr
