"""What the live channel needs of the services whose state it shows; `luna_web.main` wires it."""

from typing import Any, Protocol

from sqlalchemy.orm import Session

from luna_web.notification.live.channels import Channel
from luna_web.shared.principal import Principal
from luna_web.shared.runtime import Port


class LiveViews(Protocol):
    """Sync; called in threads, each call in a transaction of its own."""

    def snapshot(self, session: Session, principal: Principal, channel: Channel) -> dict[str, Any]:
        """The state that a channel shows this person, as JSON values. Raises NotFound for what is not theirs to see."""
        ...


LIVE_VIEWS: Port[LiveViews] = Port("views of the live channel")

