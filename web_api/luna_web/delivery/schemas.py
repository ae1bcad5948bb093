"""What crosses HTTP."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from luna_web.auth.schemas import Email
from luna_web.book.domain import CopyStatus, StatusReason
from luna_web.delivery.domain.facts import RecoveryAction, RecoveryOutcome
from luna_web.delivery.domain.scanning import CheckIn
from luna_web.delivery.domain.states import (
    ClosedHow,
    HoldStatus,
    LoanStatus,
    OpenedHow,
    Priority,
    RequestStatus,
    ReturnStatus,
    TaskPhase,
    TaskStatus,
    TaskType,
)
from luna_web.shared.fields import Input, Name, Output, ShortText

OverrideReason = Annotated[ShortText, StringConstraints(min_length=3)]
Barcode = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\x21-\x7e]{1,64}$")]


class NewRequest(Input):
    book_id: UUID
    request_location: Name = Field(description="Location code or name of a waypoint of kind DESK or STUDY")
    notes: ShortText | None = None
    priority: Priority | None = Field(None, description="A student at most NORMAL; NORMAL if absent")
    hold_if_unavailable: bool = Field(False, description="Where no copy is free, wait for one: 202 with the hold")


class Approval(Input):
    source_location: Name | None = Field(None, description="Where the robot fetches the book; default: the copy's desk")


class Cancellation(Input):
    reason: ShortText | None = None


class NewReturn(Input):
    book_id: UUID | None = None
    loan_id: UUID | None = None
    pickup_location: Name = Field(description="Location code or name of a waypoint of kind DESK or STUDY")
    notes: ShortText | None = None

    @model_validator(mode="after")
    def _one_names_the_book(self) -> Self:
        if (self.book_id is None) is (self.loan_id is None):
            raise ValueError("give either book_id or loan_id")
        return self


class Placed(Input):
    barcode: Barcode | None = Field(None, description="Of the copy that was laid on the robot")


class NewStaffDelivery(Input):
    """Exactly one of `copy_id`, `barcode` and `item_description` says what travels."""

    copy_id: UUID | None = None
    barcode: Barcode | None = None
    item_description: ShortText | None = Field(None, min_length=1, description="Of a thing that is no copy")
    source_location: Name = Field(description="Location code or name of any waypoint that is no dock")
    destination_location: Name = Field(description="As `source_location`, and another place")
    recipient_id: UUID | None = Field(None, description="Somebody of the staff, who is told when it is there")
    priority: Priority = Priority.NORMAL
    notes: ShortText | None = None

    @model_validator(mode="after")
    def _one_says_what_travels(self) -> Self:
        if sum(given is not None for given in (self.copy_id, self.barcode, self.item_description)) != 1:
            raise ValueError("give exactly one of copy_id, barcode and item_description")
        return self


class NewPriority(Input):
    priority: Priority


class Retry(Input):
    source_location: Name | None = Field(None, description="Where the item is now; default: where it was last")


class Recovery(Input):
    """Either an `action` for the robot, or the `outcome` that a person found."""

    action: RecoveryAction | None = None
    outcome: RecoveryOutcome | None = None
    location_code: Name | None = Field(None, description="With AT_DESK: where the item lies now, code or name")

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        if (self.action is None) is (self.outcome is None):
            raise ValueError("give either action or outcome")
        if self.location_code is not None and self.outcome is not RecoveryOutcome.AT_DESK:
            raise ValueError("location_code belongs to the outcome AT_DESK")
        return self


class Unloaded(Input):
    cargo_present: bool | None = Field(
        None, description="Whether the item was on the robot; must be said where an item was brought back uncollected"
    )


class NewLoan(Input):
    """Lent at the desk."""

    user_id: UUID | None = None
    email: Email | None = None
    barcode: Barcode
    override_reason: OverrideReason | None = Field(None, description="Why the reader may have more than the limit")

    @model_validator(mode="after")
    def _one_names_the_reader(self) -> Self:
        if (self.user_id is None) is (self.email is None):
            raise ValueError("give either user_id or email")
        return self


class CheckedIn(Input):
    damaged: bool = Field(False, description="It is not fit to be lent: it becomes UNAVAILABLE, DAMAGED")
    notes: ShortText | None = None


class ScannedIn(CheckedIn):
    barcode: Barcode


class ReportedLost(Input):
    notes: ShortText | None = None


class NewHold(Input):
    book_id: UUID
    user_id: UUID | None = Field(None, description="Staff may place one for a reader; absent: oneself")


class Empty(Input):
    """No fields."""


class TaskBrief(Output):
    """The delivery behind a request or a return, as its reader may see it."""

    id: UUID
    status: TaskStatus
    phase: TaskPhase | None
    reason: str | None
    attempt: int
    robot_id: UUID | None = Field(validation_alias="assigned_robot_id")
    robot_lost_since: datetime | None
    started_at: datetime | None
    completed_at: datetime | None


class RequestOut(Output):
    id: UUID
    task_id: UUID | None
    user_id: UUID | None
    book_id: UUID
    copy_id: UUID
    book_title: str
    book_author: str | None
    request_location: str
    priority: Priority
    status: RequestStatus
    closed_reason: str | None
    needs_attention: bool
    notes: str | None
    requested_at: datetime
    approved_by: UUID | None = Field(description="Told to staff only; `approved_at` tells everybody that it was")
    approved_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    version: int
    delivery: TaskBrief | None


class ReturnOut(Output):
    id: UUID
    task_id: UUID | None
    user_id: UUID | None
    book_id: UUID
    loan_id: UUID
    copy_id: UUID
    book_title: str
    book_author: str | None
    pickup_location: str
    status: ReturnStatus
    closed_reason: str | None
    notes: str | None
    initiated_at: datetime
    picked_up_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    version: int
    delivery: TaskBrief | None


class LoanOut(Output):
    """`user_id` is null once it is forgotten who had a returned book."""

    id: UUID
    user_id: UUID | None
    book_id: UUID
    copy_id: UUID
    book_title: str
    book_author: str | None
    request_id: UUID | None
    status: LoanStatus
    overdue: bool
    opened_at: datetime
    due_at: datetime
    renewals: int
    closed_at: datetime | None
    flagged: bool
    opened_how: OpenedHow
    closed_how: ClosedHow | None
    version: int


class HoldOut(Output):
    """`position` counts those who wait, 1 = next; null for whoever does not wait."""

    id: UUID
    user_id: UUID
    book_id: UUID
    book_title: str
    book_author: str | None
    status: HoldStatus
    position: int | None
    copy_id: UUID | None = Field(description="Kept for the reader until `offered_until`")
    offered_until: datetime | None
    placed_at: datetime
    ended_at: datetime | None
    closed_reason: str | None
    updated_at: datetime
    version: int


class CopyBrief(Output):
    id: UUID
    book_id: UUID
    barcode: str
    status: CopyStatus
    status_reason: StatusReason | None
    shelf_location: str | None


class CheckInOut(Output):
    """What a check-in came to. `loan`: the one that it ended; `kept_for`: who is to get the copy now."""

    outcome: CheckIn
    copy_: CopyBrief = Field(serialization_alias="copy")
    loan: LoanOut | None
    kept_for: HoldOut | None


class StopOut(Output):
    waypoint: str
    handover: str
    arrival: str
    x: float
    y: float
    yaw: float
    timeout: float | None = Field(description="Seconds that the hand-over is waited for; null = no limit")
    on_timeout: str


class SaidOut(Output):
    """What a person said of a hand-over."""

    handover: str
    place: str
    attempt: int
    handover_seq: int
    cargo_present: bool | None
    by: UUID | None
    at: datetime


class CancelOut(Output):
    reason: str
    note: str | None
    by: UUID | None
    at: datetime


class RecoveryOut(Output):
    """What a person wants of a robot that waits for one."""

    action: RecoveryAction
    by: UUID
    at: datetime


class DeliveryOut(Output):
    id: UUID
    task_type: TaskType
    priority: Priority
    status: TaskStatus
    phase: TaskPhase | None
    reason: str | None
    request_id: UUID | None
    return_id: UUID | None
    book_id: UUID | None
    copy_id: UUID | None
    item_description: str
    source_location: str | None
    destination_location: str
    stops: list[StopOut]
    fallback: StopOut | None
    recipient_id: UUID | None
    created_by: UUID | None
    assigned_robot_id: UUID | None
    attempt: int
    retry_of: UUID | None
    queued_at: datetime | None
    handover_seq: int
    confirmations: list[SaidOut]
    cancel_asked: CancelOut | None
    recovery_asked: RecoveryOut | None
    robot_to_be_told: bool = Field(description="A person has ended it, and its robot has not been told that yet")
    left_on_board: bool = Field(
        description="It ended with the item on the robot, which takes nothing new before `recover` says where that is"
    )
    notes: str | None
    robot_lost_since: datetime | None
    trace_id: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    version: int


class HistoryOut(Output):
    id: int
    at: datetime
    from_status: str | None
    from_phase: str | None
    to_status: str
    phase: str | None
    attempt: int
    robot_id: UUID | None
    actor_id: UUID | None
    reason: str | None
    trace_id: str


class ActivityOut(Output):
    """One step of a request or a return. `by`: READER, STAFF or ROBOT (also what time brought about).

    Which of the staff it was only staff are told.
    """

    at: datetime
    task_id: UUID
    task_type: TaskType
    robot_id: UUID | None
    robot_name: str | None
    actor_id: UUID | None
    actor_name: str | None
    subject: str
    from_status: str | None
    to_status: str
    phase: str | None
    attempt: int
    by: str
    reason: str | None
