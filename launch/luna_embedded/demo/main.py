"""Brings the pieces of the demonstration together: accounts, floor plan, story, screen, summary."""

from __future__ import annotations

from rich.console import Console

from luna_embedded.demo.client import ApiError, Client
from luna_embedded.demo.floorplan import FloorPlan, Mark
from luna_embedded.demo.screen import Screen, summary_table
from luna_embedded.demo.story import Account, DemoFailed, Story
from luna_embedded.demo.summary import distance, spans


def run_demo(address: str, student: Account, librarian: Account, console: Console) -> int:
    """Tell the story against the LUNA at ``address``; returns the exit code: 0 both trips done, 1 not."""
    try:
        with Client(address) as asking, Client(address) as lending:
            asking.login(student.email, student.password)
            lending.login(librarian.email, librarian.password)
            _play(asking, lending, console)
    except (ApiError, DemoFailed) as error:
        console.print(f"[bold red]The demonstration failed:[/] {error}")
        return 1
    return 0


def _play(student: Client, librarian: Client, console: Console) -> None:
    with Screen(console, _floor(student), _places(librarian)) as screen:
        story = Story(student, librarian, screen.update)
        loan = story.deliver()
        story.bring_back(loan, story.trips[0].destination)
    rows = [
        (trip, spans(librarian.get(f"/deliveries/{trip.task_id}/history", limit=100)), distance(trail))
        for trip, trail in zip(story.trips, screen.trails, strict=True)
    ]
    console.print(summary_table(rows))
    console.print("Both trips done: one book delivered, one book returned.")


def _floor(client: Client) -> FloorPlan:
    meta = client.get("/robot/map")
    origin = meta["origin"]
    png = client.picture(meta["image_url"])
    return FloorPlan.from_png(png, resolution=meta["resolution"], origin_x=origin["x"], origin_y=origin["y"])


def _places(client: Client) -> dict[str, Mark]:
    rows = client.get("/robot/waypoints", limit=100)
    return {row["location_code"]: Mark(row["x_coordinate"], row["y_coordinate"], row["location_code"]) for row in rows}
