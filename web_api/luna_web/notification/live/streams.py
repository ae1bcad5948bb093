"""The streams of the live channel in Redis: what is published, and what is read again.

One script numbers, keeps and publishes an event in all its topics, so that the numbers are the same for everybody; one
script reads a topic's run, its newest number and what came after a number, all of one moment. `run` is Redis's own run
id: whatever happened to the data meanwhile, after a restart no cursor from before fits.

A stream's ids are its numbers. A counter that nobody used for a day is forgotten; the next one begins at the time in
milliseconds, above everything that was ever given.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luna_web.notification.live import frames
from luna_web.notification.live.audiences import addressed
from luna_web.notification.live.cursors import Cursor
from luna_web.notification.live.hub import Read
from luna_web.shared.config import Settings
from luna_web.shared.models import Outbox

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

PREFIX = "luna:live:"
EVENTS = "luna:live-events"
POSITIONS = "luna:live-positions"
SEEN_SECONDS = 3600
"""How long an event is known to have been published, counted anew each time it is tried again."""
COUNTER_SECONDS = 86_400
TRIMMED_AT_ONCE = 16

_RUN = """
local function run_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
end
local function milliseconds()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end
local function counted(counter)
  if redis.call('EXISTS', counter) == 0 then
    redis.call('SET', counter, string.format('%.0f', milliseconds()))
  end
  redis.call('EXPIRE', counter, %COUNTER_SECONDS%)
end
""".replace("%COUNTER_SECONDS%", str(COUNTER_SECONDS))

# KEYS: seen, then stream and counter of each topic.
# ARGV: seconds for seen, seconds kept, entries kept, channel, then topic and body of each topic.
_PUBLISH = (
    _RUN
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  return 0
end
local run, now = run_id(), milliseconds()
local oldest = now - ARGV[2] * 1000
for index = 1, (#KEYS - 1) / 2 do
  local stream, counter = KEYS[2 * index], KEYS[2 * index + 1]
  local topic, body = ARGV[3 + 2 * index], ARGV[4 + 2 * index]
  counted(counter)
  local number = string.format('%.0f', redis.call('INCR', counter))
  redis.call('XADD', stream, 'MAXLEN', '~', ARGV[3], number .. '-0', 'at', string.format('%.0f', now), 'body', body)
  redis.call('EXPIRE', stream, ARGV[2])
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', %TRIMMED%)
  for _, entry in ipairs(first) do
    if tonumber(entry[2][2]) >= oldest then break end
    redis.call('XDEL', stream, entry[1])
  end
  redis.call('PUBLISH', ARGV[4], run .. '\\n' .. topic .. '\\n' .. number .. '\\n' .. body)
end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
return 1
"""
).replace("%TRIMMED%", str(TRIMMED_AT_ONCE))

# KEYS: stream, counter. ARGV: run and number from which on events are wanted, or two empty strings; most of them.
_READ = (
    _RUN
    + """
local run = run_id()
counted(KEYS[2])
local head = redis.call('GET', KEYS[2])
if ARGV[1] ~= run then return {run, head, 0} end
local missed = tonumber(head) - tonumber(ARGV[2])
if missed == 0 then return {run, head, 1} end
if missed < 0 or missed > tonumber(ARGV[3]) then return {run, head, 0} end
local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])
if #entries ~= missed then return {run, head, 0} end
local answer = {run, head, 1}
for _, entry in ipairs(entries) do
  answer[#answer + 1] = string.match(entry[1], '^(%d+)')
  answer[#answer + 1] = entry[2][4]
end
return answer
"""
)


@dataclass(frozen=True, slots=True)
class Kept:
    """How much of each topic is kept: so many seconds, and so many events at most."""

    seconds: int = 300
    events: int = 10_000


def kept_of(settings: Settings) -> Kept:
    return Kept(settings.live_kept_seconds, settings.live_kept_events)


class Publisher:
    """The relay's side. Raises RedisError when Redis is away: the event then waits in the outbox."""

    def __init__(self, redis: "Redis", kept: Kept | None = None) -> None:
        self._redis = redis
        self._kept = kept or Kept()
        self._script = redis.register_script(_PUBLISH)

    def publish(self, events: Sequence[Outbox]) -> int:
        """Publish events in this order; how many of them were new. Those that were published change nothing."""
        new = 0
        with self._redis.pipeline(transaction=False) as pipeline:
            for event in events:
                self._add(pipeline, event)
            if len(pipeline):
                new = sum(int(answer) for answer in pipeline.execute())
        return new

    def _add(self, pipeline: Any, event: Outbox) -> None:
        topics = addressed(event.event_type, event.payload)
        if not topics:
            return
        keys = [f"{PREFIX}seen:{event.event_id}"]
        values: list[str | int] = [SEEN_SECONDS, self._kept.seconds, self._kept.events, EVENTS]
        for one in topics:
            keys += _keys(one.topic)
            values += [one.topic, _body(event, one.payload)]
        self._script(keys=keys, args=values, client=pipeline)


class Streams:
    """The reading side, in a process that serves sockets."""

    def __init__(self, redis: "AsyncRedis", kept: Kept | None = None) -> None:
        self._most = (kept or Kept()).events
        self._script: Callable[..., Awaitable[list[bytes]]] = redis.register_script(_READ)

    async def read(self, topic: str, after: Cursor | None) -> Read:
        """Where the topic stands, with everything since `after` unless some of it is gone. Raises RedisError."""
        run, number = (after.run, after.number) if after else ("", "")
        answer = await self._script(keys=list(_keys(topic)), args=[run, number, self._most])
        head = Cursor(answer[0].decode(), int(answer[1]))
        if not int(answer[2]):
            return Read(head, None)
        told = answer[3:]
        return Read(head, [(int(told[i]), told[i + 1].decode()) for i in range(0, len(told), 2)])


def read_message(data: bytes) -> tuple[str, Cursor, str]:
    """Topic, cursor and body of what the script published. Raises ValueError for anything else."""
    run, topic, number, body = data.decode().split("\n", 3)
    return topic, Cursor(run, int(number)), body


def _keys(topic: str) -> tuple[str, str]:
    return f"{PREFIX}stream:{topic}", f"{PREFIX}number:{topic}"


def _body(event: Outbox, payload: Any) -> str:
    return frames.event_body(
        event.event_id, event.event_type, event.created_at, event.source, payload, event.aggregate_seq
    )
