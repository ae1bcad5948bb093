"""Celery as the carrier of nudges. It is never trusted with anything: the database knows what is to be done."""

import socket
from collections.abc import Callable

from celery import Celery

from luna_web.worker import broker
from luna_web.worker.domain import Drain

QUEUE = "luna"
DRAIN_TASK = "luna.drain"
BROKER_TIMEOUT_SECONDS = 2.0
VISIBILITY_TIMEOUT_SECONDS = 60
"""Longer than any drain; a message whose worker was killed is handed out again after it. The relay is quicker."""


def make_celery(broker_url: str, drain: Callable[[Drain], None]) -> Celery:
    """An app with one task, which is short and may run twice. Results are kept nowhere."""
    broker.calm_down()
    app = Celery("luna", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=BROKER_TIMEOUT_SECONDS,
        broker_heartbeat=0,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
            "socket_timeout": 5 * BROKER_TIMEOUT_SECONDS,
            "socket_keepalive": False,
            "retry_on_timeout": False,
            "max_retries": 0,
        },
    )

    @app.task(name=DRAIN_TASK)
    def drain_aggregate(consumer: str, aggregate: str) -> None:
        drain(Drain(consumer, aggregate))

    return app


def nudge_with(app: Celery) -> Callable[[Drain], None]:
    """Sends one nudge; raises kombu's OperationalError when the broker is away."""

    def nudge(drain: Drain) -> None:
        app.send_task(DRAIN_TASK, (drain.consumer, drain.aggregate), retry=False)

    return nudge


def waiting_with(app: Celery) -> Callable[[], int]:
    """Counts the nudges that no worker has taken yet; raises RedisError or OperationalError when the broker is away."""

    def waiting() -> int:
        with app.connection_or_acquire() as connection:
            return int(connection.default_channel.queue_declare(QUEUE).message_count)

    return waiting


def host_name() -> str:
    """Distinguishes the workers of several machines in Celery's messages."""
    return f"luna@{socket.gethostname()}"
