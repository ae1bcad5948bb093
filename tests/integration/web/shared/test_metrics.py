"""What Prometheus reads of a process."""

import re

from tests.integration.world import Api


def count(client: Api, method: str, route: str, status: int) -> int:
    """How often such a request was counted so far."""
    text = client.http.get("/metrics").text
    labels = f'{{method="{method}",route="{re.escape(route)}",status="{status}"}}'
    found = re.search(rf"^luna_http_request_seconds_count{labels} (\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def test_requests_are_counted_by_route_and_not_by_path(client: Api, student: Api) -> None:
    route = "/api/v1/books/{book_id}"
    before = count(client, "GET", route, 404)
    for number in range(3):
        student.get(f"/books/00000000-0000-7000-8000-00000000000{number}")

    assert count(client, "GET", route, 404) == before + 3


def test_paths_and_methods_that_somebody_makes_up_share_one_line(client: Api) -> None:
    before = count(client, "OTHER", "unmatched", 404) + count(client, "OTHER", "unmatched", 405)
    for number in range(3):
        client.http.request("BREW", f"/coffee/{number}")

    text = client.http.get("/metrics").text
    assert "coffee" not in text
    assert "BREW" not in text
    assert count(client, "OTHER", "unmatched", 404) + count(client, "OTHER", "unmatched", 405) == before + 3


def test_the_process_and_its_connections_are_told(client: Api) -> None:
    answer = client.http.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "process_resident_memory_bytes" in answer.text
    assert "luna_database_connections_in_use" in answer.text
