"""Configuration texts of the robot link: rosbridge's own, and that of the proxy before it.

rosbridge knows no users, and any web page may open a WebSocket to it. Two things keep it LUNA's:

- rosbridge listens on loopback under a secret path and passes the names of one robot's LUNA interface, nothing else;
- the proxy knows that path, asks for the robot's bearer token and refuses whatever a browser sends (`Origin`).

Both texts hold secrets: whoever writes them to disk does so with mode 0600. The proxy is started with
`nginx -e stderr -c FILE`; it stays in the foreground as one process, whoever runs it, root or not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
ACTION = "execute_delivery"
# rosbridge-server-rs counts an action as its three services and two topics, and refuses a goal unless it may have all
# of them, whether feedback is asked for or not.
ACTION_SERVICES = tuple(f"{ACTION}/_action/{part}" for part in ("send_goal", "get_result", "cancel_goal"))
ACTION_TOPICS = tuple(f"{ACTION}/_action/{part}" for part in ("feedback", "status"))

_NAMESPACE = re.compile(r"(/[A-Za-z][A-Za-z0-9_]*)+")
_URL_PATH = re.compile(r"/[A-Za-z0-9_-]{32,}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,}")
_HOST = re.compile(r"[A-Za-z0-9.-]+")
_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}:\d{1,5}")


@dataclass(frozen=True, slots=True)
class BridgeRoute:
    """One robot behind the proxy: `/namespace` with this token leads to the rosbridge at this secret path."""

    namespace: str
    token: str
    upstream_host: str
    upstream_port: int
    url_path: str

    def __post_init__(self) -> None:
        _require(_NAMESPACE, self.namespace, "namespace")
        _require(_TOKEN, self.token, "token", secret=True)
        _require(_HOST, self.upstream_host, "upstream host")
        _require_port(self.upstream_port)
        _require(_URL_PATH, self.url_path, "url path", secret=True)


def rosbridge_toml(namespace: str, bind: str, url_path: str) -> str:
    """Settings of rosbridge-server-rs 0.1.6 for one robot.

    `bind` is a loopback address with its port, `url_path` a secret of 32 characters or more. Raises ValueError.
    An omitted list would admit everything, an empty one admits nothing; names here are literal, without wildcards.
    """
    _require(_NAMESPACE, namespace, "namespace")
    _require(_LOOPBACK, bind, "bind address")
    _require(_URL_PATH, url_path, "url path", secret=True)
    address, _, port = bind.rpartition(":")
    _require_port(int(port))
    return f"""\
address = "{address}"
port = {port}
url_path = "{url_path}"
node_name = "rosbridge"
namespace = "{namespace}"
no_rosapi = true
max_message_size = 1048576
incoming_queue_size = 256
write_queue_size = 64
write_queue_bytes = 4194304
encoding_workers = 1
default_call_service_timeout = 5.0
fragment_timeout = 5.0
websocket_ping_interval = 5.0
websocket_ping_timeout = 5.0
topics_glob = []
topics_pub_glob = {_names(namespace, PUBLISHED_BY_WEB)}
topics_sub_glob = {_names(namespace, PUBLISHED_BY_ROBOT + ACTION_TOPICS)}
services_glob = {_names(namespace, SERVICES + ACTION_SERVICES)}
params_glob = []

[log]
level = "info"
timezone = "utc"
ansi = false
console = true
"""


def bridge_proxy_nginx_conf(listen_port: int, routes: Sequence[BridgeRoute], run_dir: Path) -> str:
    """Configuration of the nginx that stands before every rosbridge of this machine.

    Listens on loopback only and logs no request. `run_dir` exists and belongs to whoever runs nginx. Raises ValueError.
    """
    _require_port(listen_port)
    if re.search(r'["\\$;{}\s]', str(run_dir)):
        raise ValueError(f"nginx cannot take this folder's name: {run_dir}")
    maps = "\n".join(_token_map(index, route) for index, route in enumerate(routes))
    locations = "\n".join(_location(index, route) for index, route in enumerate(routes))
    temp_paths = "\n".join(
        f"    {kind}_temp_path {run_dir}/{kind}_temp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
daemon off;
master_process off;
pid {run_dir}/bridge-proxy.pid;
error_log stderr error;

events {{
    worker_connections 1024;
}}

http {{
    access_log off;
    server_tokens off;
{temp_paths}

{maps}

    server {{
        listen 127.0.0.1:{listen_port};
        client_max_body_size 1k;

{locations}

        location / {{
            return 404;
        }}
    }}
}}
"""


def _token_map(index: int, route: BridgeRoute) -> str:
    # Plain strings of a map are compared without regard to case; an expression with `~` is not.
    return f"""\
    map $http_authorization $may_enter_{index} {{
        default 0;
        "~^Bearer {route.token}$" 1;
    }}"""


def _location(index: int, route: BridgeRoute) -> str:
    return f"""\
        location = {route.namespace} {{
            if ($http_origin != "") {{
                return 403;
            }}
            if ($may_enter_{index} = 0) {{
                return 401;
            }}
            proxy_pass http://{route.upstream_host}:{route.upstream_port}{route.url_path};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Authorization "";
            proxy_set_header Origin "";
            proxy_connect_timeout 2s;
            proxy_read_timeout 30s;
            proxy_send_timeout 10s;
            proxy_buffering off;
        }}"""


def _names(namespace: str, names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{namespace}/{name}"' for name in names) + "]"


def _require(pattern: re.Pattern[str], value: str, what: str, *, secret: bool = False) -> None:
    if not pattern.fullmatch(value):
        raise ValueError(f"not a {what} that the robot link can use" + ("" if secret else f": {value!r}"))


def _require_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise ValueError(f"not a port: {port}")
