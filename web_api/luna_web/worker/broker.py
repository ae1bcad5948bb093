"""kombu's Redis transport, taking the loss of its server calmly.

As it comes, it hands unacknowledged messages back and acknowledges late ones also over a connection that is gone; both
end in an AttributeError that takes the worker down (celery 5.7, kombu 5.7). A nudge need neither be handed back nor
acknowledged: the relay sends it again while it is due.
"""

from kombu.transport import TRANSPORT_ALIASES, redis


class QoS(redis.QoS):
    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        if not self.channel.closed:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]  # kombu's own

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not self.channel.closed:
            super().reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    Channel = Channel


def calm_down() -> None:
    """Have every Redis connection of Celery use it, whatever its URL looks like: `redis+socket` takes no other way."""
    TRANSPORT_ALIASES["redis"] = f"{__name__}:Transport"
