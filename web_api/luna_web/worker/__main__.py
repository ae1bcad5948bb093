"""`python -m luna_web.worker`: a Celery worker and the outbox relay in one process."""

import logging
import os
import sys
import threading
import warnings
from collections.abc import Sequence

import psycopg
from celery import signals
from celery.exceptions import SecurityWarning
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from luna_web.book.imports.foreman import Foreman
from luna_web.book.service.vocabulary import Vocabulary
from luna_web.notification.live.streams import Publisher, kept_of
from luna_web.notification.sending.post import Post
from luna_web.shared.background import Background
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings, get_settings
from luna_web.shared.database import CONNECT_TIMEOUT_S, SessionFactory, make_engine, make_session_factory
from luna_web.shared.loggers import structlog
from luna_web.shared.logs import configure_logs
from luna_web.shared.mail import make_mailer
from luna_web.worker.celery_app import host_name, make_celery, nudge_with, waiting_with
from luna_web.worker.consumers import all_consumers
from luna_web.worker.directory import Accounts
from luna_web.worker.domain import Consumer
from luna_web.worker.drain import Drainer
from luna_web.worker.jobs import all_jobs
from luna_web.worker.notify import notify
from luna_web.worker.periodic import Periodic
from luna_web.worker.relay import Relay

REDIS_TIMEOUT_S = 2.0
CONCURRENCY = 4
STOP_WITHIN_SECONDS = 4.0

log = structlog.get_logger(__name__)


class Readiness:
    """Says `READY=1` once, when every part has said that it serves."""

    def __init__(self, *parts: str) -> None:
        self._waited_for = set(parts)
        self._lock = threading.Lock()

    def reached(self, part: str) -> None:
        with self._lock:
            if part not in self._waited_for:
                return
            self._waited_for.remove(part)
            if not self._waited_for:
                notify("READY=1")
                log.info("worker_ready")


def listener(settings: Settings) -> psycopg.Connection[tuple[object, ...]]:
    """A connection for NOTIFY: it must see each one as it comes, so it is in no transaction."""
    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="luna-relay")


def live_publisher(settings: Settings) -> Publisher:
    """What tells the live channel. It never tries twice by itself: the relay does."""
    redis = Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Publisher(redis, kept_of(settings))


def quieten() -> None:
    """Celery tells of every task, and warns of root because of pickle, which is not accepted here."""
    for name in ("celery.app.trace", "celery.worker.strategy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=SecurityWarning)


def main(more: Sequence[Consumer] = ()) -> int:
    """Serve until told to stop. `more` are consumers beside LUNA's own."""
    settings = get_settings()
    configure_logs(settings.log_format)
    quieten()
    engine = make_engine(settings)
    try:
        return _serve(settings, make_session_factory(engine), more)
    finally:
        engine.dispose()


def _serve(settings: Settings, factory: SessionFactory, more: Sequence[Consumer]) -> int:
    foreman, vocabulary = Foreman(factory, settings), Vocabulary(factory)
    post = Post(factory, settings, make_mailer(settings), Accounts())
    consumers = all_consumers(settings, foreman.wake, post.wake) | {consumer.name: consumer for consumer in more}
    celery = make_celery(settings.celery_broker_url, Drainer(factory, consumers).drain)
    periodic = Periodic(factory, all_jobs(settings, SystemClock()))
    ready = Readiness("celery", "relay")
    relay = Relay(
        factory,
        list(consumers.values()),
        nudge_with(celery),
        lambda: listener(settings),
        lambda: ready.reached("relay"),
        live_publisher(settings).publish,
        waiting_with(celery),
    )
    signals.worker_ready.connect(lambda **_: ready.reached("celery"), weak=False)
    parts = (relay, foreman, vocabulary, post, periodic)
    signals.worker_shutting_down.connect(lambda **_: _stopping(*parts), weak=False)
    notify("STATUS=connecting")
    for part in parts:
        part.start()
    worker = celery.Worker(
        hostname=host_name(),
        pool="threads",
        concurrency=CONCURRENCY,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        loglevel="INFO",
    )
    worker.start()
    for part in parts:
        part.stop()
    return int(worker.exitcode or 0)


def _stopping(*parts: Background | Post) -> None:
    """Whatever still runs after the grace is safe to lose: it has not been acknowledged."""
    notify("STOPPING=1")
    for part in parts:
        threading.Thread(target=part.stop, daemon=True).start()
    last_resort = threading.Timer(STOP_WITHIN_SECONDS, lambda: os._exit(0))
    last_resort.daemon = True
    last_resort.start()


if __name__ == "__main__":
    sys.exit(main())
