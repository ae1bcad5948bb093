"""What rosbridge and its proxy are told."""

import tomllib
from pathlib import Path

import pytest

from luna_embedded.bridge_config import BridgeRoute, bridge_proxy_nginx_conf, rosbridge_toml

SECRET = "/" + "a1" * 32
TOKEN = "t" * 43


def route(**changes: object) -> BridgeRoute:
    values = {"namespace": "/luna1", "token": TOKEN, "upstream_host": "127.0.0.1", "upstream_port": 9091}
    return BridgeRoute(**(values | {"url_path": SECRET} | changes))  # type: ignore[arg-type]


class TestRosbridge:
    def settings(self) -> dict[str, object]:
        return tomllib.loads(rosbridge_toml("/luna1", "127.0.0.1:9091", SECRET))

    def test_it_listens_on_loopback_under_the_secret_path(self) -> None:
        settings = self.settings()
        assert (settings["address"], settings["port"], settings["url_path"]) == ("127.0.0.1", 9091, SECRET)
        assert settings["no_rosapi"] is True

    def test_every_list_is_given_since_an_omitted_one_admits_everything(self) -> None:
        settings = self.settings()
        lists = {"topics_glob", "topics_pub_glob", "topics_sub_glob", "services_glob", "params_glob"}
        assert lists <= settings.keys()
        assert settings["topics_glob"] == settings["params_glob"] == []
        assert settings["topics_pub_glob"] == ["/luna1/controller_heartbeat"]

    def test_names_are_literal_and_of_that_robot_alone(self) -> None:
        settings = self.settings()
        for key in ("topics_pub_glob", "topics_sub_glob", "services_glob"):
            names = settings[key]
            assert isinstance(names, list)
            assert all(name.startswith("/luna1/") and not set(name) & set("*?[]") for name in names)

    @pytest.mark.parametrize(
        ("namespace", "bind", "url_path"),
        [
            ("/luna1\"\ntopics_glob = ['*']", "127.0.0.1:9091", SECRET),
            ("/luna*", "127.0.0.1:9091", SECRET),
            ("/luna1", "0.0.0.0:9091", SECRET),
            ("/luna1", "127.0.0.1:99999", SECRET),
            ("/luna1", "127.0.0.1:9091", "/guessable"),
        ],
    )
    def test_what_would_open_it_is_refused(self, namespace: str, bind: str, url_path: str) -> None:
        with pytest.raises(ValueError, match=r"not a"):
            rosbridge_toml(namespace, bind, url_path)


class TestProxy:
    def test_it_listens_on_loopback_and_logs_no_request(self) -> None:
        text = bridge_proxy_nginx_conf(9090, [route()], Path("/run/luna"))
        assert "listen 127.0.0.1:9090;" in text
        assert "access_log off;" in text

    def test_each_robot_has_a_token_and_a_place_of_its_own(self) -> None:
        other = route(namespace="/luna2", token="u" * 43, upstream_port=9092)
        text = bridge_proxy_nginx_conf(9090, [route(), other], Path("/run/luna"))
        assert text.count("map $http_authorization") == text.count("location = /luna") == 2
        assert f"proxy_pass http://127.0.0.1:9092{SECRET};" in text

    @pytest.mark.parametrize(
        "changes",
        [
            {"token": "short"},
            {"token": TOKEN + '" 1; default 1; #'},
            {"namespace": "/luna1 {"},
            {"url_path": "/x; return 200"},
            {"upstream_host": "a b"},
            {"upstream_port": 0},
        ],
    )
    def test_a_route_that_would_break_out_of_the_text_is_refused(self, changes: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"not a"):
            route(**changes)

    def test_a_refused_secret_is_not_told(self) -> None:
        with pytest.raises(ValueError, match="token") as told:
            route(token="a secret with spaces")
        assert "secret with" not in str(told.value)

    def test_a_folder_that_nginx_cannot_take_is_refused(self) -> None:
        with pytest.raises(ValueError, match="folder"):
            bridge_proxy_nginx_conf(9090, [route()], Path("/run/my folder"))
