"""`/api/v1/loans`: what readers have, and the desk."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from luna_web.delivery import views
from luna_web.delivery.errors import CopyInUse, CopyNotLendable, HandoverPending, LimitReached, NotRenewable
from luna_web.delivery.models import Hold
from luna_web.delivery.routes.doing import Doing
from luna_web.delivery.schemas import (
    CheckedIn,
    CheckInOut,
    Empty,
    HoldOut,
    LoanOut,
    NewLoan,
    ReportedLost,
    ScannedIn,
)
from luna_web.delivery.service import checkins, checkouts, holds, lists, loans
from luna_web.delivery.service.checkins import Condition, Outcome
from luna_web.delivery.service.lists import Whose
from luna_web.delivery.service.work import Work
from luna_web.shared.envelope import created, ok, page
from luna_web.shared.errors import IllegalTransition, NotFound
from luna_web.shared.page_query import Paging
from luna_web.shared.principal import any_user, staff
from luna_web.shared.routing import LunaRouter

router = LunaRouter(prefix="/api/v1/loans", tags=["loans"])
DESK_ERRORS = (NotFound, IllegalTransition, CopyInUse, HandoverPending)


@router.get("", rule=any_user, items=LoanOut)
def list_loans(
    work: Doing,
    paging: Paging,
    request: Request,
    is_open: Annotated[bool | None, Query(alias="open", description="Only open ones, or only closed ones")] = None,
    overdue: Annotated[bool | None, Query(description="Only open ones past their due date, or all others")] = None,
    book_id: UUID | None = None,
    user_id: Annotated[UUID | None, Query(description="Staff only; others see their own")] = None,
) -> Response:
    found = lists.loans(work, Whose(user_id, book_id), is_open, overdue, paging)
    return page([views.loan_out(row, work.now) for row in found.items], found.pagination, request=request)


@router.post(
    "",
    rule=staff,
    data=LoanOut,
    status=201,
    idempotent=True,
    errors=(NotFound, CopyNotLendable, LimitReached),
)
def check_out(wish: NewLoan, work: Doing, request: Request) -> Response:
    """Hand a book out at the desk, by the barcode of a copy that is free or kept for this reader."""
    loan = checkouts.check_out(work, wish)
    return created(views.loan_out(loan, work.now), request=request, location=f"/api/v1/loans/{loan.id}")


@router.post("/checkin", rule=staff, data=CheckInOut, errors=DESK_ERRORS)
def scan_in(scanned: ScannedIn, work: Doing, request: Request) -> Response:
    """Take a book back at the desk by its barcode alone, whatever is known of it. Scanning it again changes nothing."""
    outcome = checkins.by_barcode(work, scanned.barcode, Condition(scanned.damaged, scanned.notes))
    return ok(_checked_in(work, outcome), request=request)


@router.get("/{loan_id}", rule=any_user, data=LoanOut, errors=(NotFound,))
def get_loan(loan_id: UUID, work: Doing, request: Request) -> Response:
    return ok(views.loan_out(loans.get(work, loan_id), work.now), request=request)


@router.put(
    "/{loan_id}/renew",
    rule=any_user,
    data=LoanOut,
    errors=(NotFound, NotRenewable, IllegalTransition),
)
def renew(loan_id: UUID, work: Doing, request: Request, _: Empty | None = None) -> Response:
    """A loan period from now, unless somebody waits for the title."""
    return ok(views.loan_out(loans.renew(work, loan_id), work.now), request=request)


@router.put("/{loan_id}/checkin", rule=staff, data=CheckInOut, errors=DESK_ERRORS)
def check_in(loan_id: UUID, work: Doing, request: Request, wish: CheckedIn | None = None) -> Response:
    condition = Condition(wish.damaged, wish.notes) if wish else Condition()
    return ok(_checked_in(work, checkins.of_loan(work, loan_id, condition)), request=request)


@router.put("/{loan_id}/lost", rule=staff, data=LoanOut, errors=(NotFound, IllegalTransition, CopyInUse))
def lost(loan_id: UUID, work: Doing, request: Request, report: ReportedLost | None = None) -> Response:
    """The reader has lost the book. When it turns up, check it in."""
    loan = loans.report_lost(work, loan_id, report.notes if report else None)
    return ok(views.loan_out(loan, work.now), request=request)


def _checked_in(work: Work, outcome: Outcome) -> CheckInOut:
    return CheckInOut(
        outcome=outcome.what,
        copy_=views.copy_brief(outcome.copy),
        loan=views.loan_out(outcome.loan, work.now) if outcome.loan else None,
        kept_for=_hold(work, outcome.kept_for) if outcome.kept_for else None,
    )


def _hold(work: Work, hold: Hold) -> HoldOut:
    return views.hold_out(hold, holds.position(work, hold))
