"""Deliveries, requests, returns and loans as the live channel's snapshots show them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from luna_web.delivery import circulation_repository, repository
from luna_web.delivery.domain.states import (
    IN_HAND,
    OPEN_HOLD,
    OPEN_REQUEST,
    OPEN_RETURN,
    STAFF_DELIVERIES,
    UNFINISHED_TASK,
)
from luna_web.delivery.models import BookRequest, BookReturn, DeliveryTask, Hold, Loan
from luna_web.delivery.repository import RequestFilter
from luna_web.delivery.schemas import DeliveryOut, RequestOut, TaskBrief
from luna_web.delivery.views import delivery_out, hold_out, loan_out, request_out, return_out
from luna_web.shared.errors import NotFound
from luna_web.shared.principal import Principal

MOST_SHOWN = 200


def queue(session: Session) -> dict[str, Any]:
    """Unfinished tasks as the robots will take them, those in hand first; at most 200, with how many there are.

    And the requests whose delivery has failed and that wait for a person, at most 200, the newest first.
    """
    unfinished = DeliveryTask.status.in_(UNFINISHED_TASK)
    order = (DeliveryTask.status.in_(IN_HAND).desc(), DeliveryTask.queue_key.nulls_last(), DeliveryTask.id)
    rows = session.scalars(select(DeliveryTask).where(unfinished).order_by(*order).limit(MOST_SHOWN)).all()
    total = session.scalar(select(func.count()).select_from(DeliveryTask).where(unfinished))
    return {"total": total, "tasks": [delivery_out(row) for row in rows], "needs_attention": _need_attention(session)}


def _need_attention(session: Session) -> list[RequestOut]:
    found = repository.requests(RequestFilter(needs_attention=True)).order_by(
        BookRequest.requested_at.desc(), BookRequest.id
    )
    rows = session.scalars(found.limit(MOST_SHOWN)).all()
    tasks = repository.tasks_of_requests(session, [row.id for row in rows])
    return [request_out(row, tasks.get(row.id), for_staff=True) for row in rows]


def of_person(session: Session, principal: Principal, now: datetime) -> dict[str, Any]:
    """What a person waits for and what they have now; at most 200 of each, the newest first.

    `deliveries` is what staff send them.
    """
    user_id, staff = principal.user_id, principal.is_staff
    wishes = session.scalars(_newest(BookRequest, BookRequest.requested_at, user_id, OPEN_REQUEST)).all()
    returns = session.scalars(_newest(BookReturn, BookReturn.initiated_at, user_id, OPEN_RETURN)).all()
    mine = select(Loan).where(Loan.user_id == user_id, Loan.closed_at.is_(None))
    loans = session.scalars(mine.order_by(Loan.opened_at.desc(), Loan.id).limit(MOST_SHOWN)).all()
    holds = session.scalars(_newest(Hold, Hold.placed_at, user_id, OPEN_HOLD)).all()
    places = circulation_repository.positions(session, holds)
    of_wishes = repository.tasks_of_requests(session, [row.id for row in wishes])
    of_returns = repository.tasks_of_returns(session, [row.id for row in returns])
    return {
        "requests": [request_out(row, of_wishes.get(row.id), for_staff=staff) for row in wishes],
        "returns": [return_out(row, of_returns.get(row.id)) for row in returns],
        "loans": [loan_out(row, now) for row in loans],
        "holds": [hold_out(row, places.get(row.id)) for row in holds],
        "deliveries": [delivery_out(row) for row in _sent_to(session, user_id)] if staff else [],
    }


def _sent_to(session: Session, user_id: UUID) -> Sequence[DeliveryTask]:
    unfinished = DeliveryTask.status.in_(UNFINISHED_TASK)
    mine = select(DeliveryTask).where(unfinished, DeliveryTask.recipient_id == user_id)
    sent = mine.where(DeliveryTask.task_type.in_(sorted(STAFF_DELIVERIES)))
    return session.scalars(sent.order_by(DeliveryTask.created_at.desc(), DeliveryTask.id).limit(MOST_SHOWN)).all()


def one_delivery(session: Session, principal: Principal, task_id: UUID) -> tuple[DeliveryOut | TaskBrief, UUID | None]:
    """The task for whoever may see it, and the robot that has it in hand. Raises NotFound.

    A reader sees of their own what their request or return shows of it.
    """
    task = session.get(DeliveryTask, task_id)
    if task is None or not (principal.is_staff or _is_served(session, task, principal.user_id)):
        raise NotFound("There is no such delivery")
    in_hand = task.assigned_robot_id if task.status in IN_HAND else None
    return (delivery_out(task) if principal.is_staff else TaskBrief.model_validate(task)), in_hand


def _is_served(session: Session, task: DeliveryTask, user_id: UUID) -> bool:
    """Whether the task is for this reader: they asked for it, or it is addressed to them."""
    if task.recipient_id == user_id:
        return True
    wish = session.get(BookRequest, task.request_id) if task.request_id else None
    book_return = session.get(BookReturn, task.return_id) if task.return_id else None
    return any(row is not None and row.user_id == user_id for row in (wish, book_return))


def _newest(model: Any, moment: Any, user_id: UUID, statuses: Sequence[str]) -> Any:
    rows = select(model).where(model.user_id == user_id, model.status.in_(statuses))
    return rows.order_by(moment.desc(), model.id).limit(MOST_SHOWN)
