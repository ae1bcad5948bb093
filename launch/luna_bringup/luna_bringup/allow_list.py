"""What the web tier may say and hear through a robot's rosbridge: LUNA's names and nothing else.

rosbridge knows no users; whoever reaches it could drive the robot. So each message is looked at before anything is made
of it, and what is not named here is refused: `cmd_vel`, `navigate_to_pose`, parameters, services of others, and what
rosbridge may learn to do in future.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PUBLISHED_BY_ROBOT = ("status", "deliveries")
PUBLISHED_BY_WEB = ("controller_heartbeat",)
SERVICES = (
    "confirm_handover",
    "cancel_delivery",
    "resume",
    "set_paused",
    "set_maintenance",
    "resolve_recovery",
    "get_delivery",
    "get_journal",
    "set_waypoints",
    "set_emergency_stop",
)
ACTIONS = ("execute_delivery",)

_PARTS_OF_OTHERS = frozenset({"fragment"})
"""Operations that carry others, which come by again when they are whole."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """The names of one robot, absolute."""

    heard: frozenset[str]
    said: frozenset[str]
    services: frozenset[str]
    actions: frozenset[str]

    @staticmethod
    def of(namespace: str) -> AllowList:
        """`namespace` is absolute (`/luna1`) or empty."""

        def names(relative: tuple[str, ...]) -> frozenset[str]:
            return frozenset(f"{namespace}/{name}" for name in relative)

        return AllowList(names(PUBLISHED_BY_ROBOT), names(PUBLISHED_BY_WEB), names(SERVICES), names(ACTIONS))

    def admits(self, message: Mapping[str, object]) -> bool:
        """Whether a message of the rosbridge protocol passes."""
        operation = message.get("op")
        if operation in _PARTS_OF_OTHERS:
            return True
        field, names = {
            "subscribe": ("topic", self.heard),
            "unsubscribe": ("topic", self.heard),
            "advertise": ("topic", self.said),
            "unadvertise": ("topic", self.said),
            "publish": ("topic", self.said),
            "call_service": ("service", self.services),
            "send_action_goal": ("action", self.actions),
            "cancel_action_goal": ("action", self.actions),
        }.get(str(operation), ("", frozenset()))
        name = message.get(field)
        return isinstance(name, str) and name in names

    def globs(self) -> dict[str, str]:
        """The same for rosbridge's own parameters, a second fence. There an empty list admits everything."""
        nothing = ["/luna/no/such/name"]
        lists = {
            "topics_glob": sorted(self.heard | self.said),
            "topics_pub_glob": sorted(self.said),
            "topics_sub_glob": sorted(self.heard),
            "services_glob": sorted(self.services),
            "actions_glob": sorted(self.actions),
            "params_glob": nothing,
        }
        return {name: "[" + ", ".join(f"'{one}'" for one in names) + "]" for name, names in lists.items()}
