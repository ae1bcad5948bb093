"""What administrators change while LUNA runs: table `settings`, one row a name, each with a schema of its own.

A name without a row has its default. Every process reads the table again after a second at most, in the transaction
of whoever asks; whoever changes a setting sees it at once.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, ValidationError, model_validator
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from luna_web.shared.config import Registration, Settings
from luna_web.shared.errors import ValidationFailed
from luna_web.shared.fields import Input, Name
from luna_web.shared.loggers import structlog
from luna_web.shared.models import Setting
from luna_web.shared.opening_hours import OpeningHours
from luna_web.shared.runtime import Port, Runtime

FRESH_SECONDS = 1.0
DAY = 86_400
Domain = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,62}\.)*[A-Za-z0-9-]{1,63}$", max_length=253)]
Seconds = Annotated[int, Field(ge=10, le=DAY)]

log = structlog.get_logger(__name__)


class RegistrationRules(Input):
    """Who may register; `domains` are those of emails, where the mode asks for them."""

    mode: Registration = Registration.OPEN
    domains: Annotated[list[Domain], Field(max_length=100)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_domains(self) -> Self:
        if self.mode is Registration.DOMAINS and not self.domains:
            raise ValueError("domains: at least one where the mode is domains")
        return self


class Limits(Input):
    """How much one reader can have at a time."""

    open_requests: Annotated[int, Field(ge=1, le=100)] = 5
    open_loans: Annotated[int, Field(ge=1, le=1000)] = 10
    loan_days: Annotated[int, Field(ge=1, le=3650)] = 28
    open_holds: Annotated[int, Field(ge=1, le=1000)] = 10
    renewals: Annotated[int, Field(ge=0, le=100, description="Of one loan")] = 2


class CirculationTimes(Input):
    """How long things of readers are kept open, and when readers are told."""

    offer_hours: Annotated[int, Field(ge=1, le=720, description="A copy is kept for whose turn it is")] = 48
    unaccepted_hours: Annotated[int, Field(ge=1, le=720, description="Before a request that nobody accepts ends")] = 24
    unattended_hours: Annotated[
        int, Field(ge=1, le=720, description="Before a request ends whose delivery failed and nobody sees to")
    ] = 24
    due_soon_days: Annotated[int, Field(ge=1, le=365, description="Before the due date: the first notice")] = 3
    overdue_notice_days: Annotated[int, Field(ge=1, le=365, description="After the due date: the last notice")] = 1
    renewable_overdue_days: Annotated[int, Field(ge=0, le=365, description="So long overdue is still renewed")] = 7


class Desks(Input):
    """Location codes or names of waypoints that no dock is."""

    lending: Annotated[Name, Field(description="Where copies without a desk of their own are fetched")] = "DESK-1"
    returns: Annotated[Name, Field(description="Where robots bring what readers give back")] = "RETURN-1"


class DeliveryTimes(Input):
    """How long is waited for what, in seconds. What robots wait for holds for deliveries planned from then on."""

    load: Annotated[Seconds, Field(description="For somebody to lay the item on the robot")] = 600
    collect: Annotated[Seconds, Field(description="For a reader to take the book")] = 300
    unload_alert: Annotated[Seconds, Field(description="Between alerts that nobody takes an item off")] = 300
    unload: Annotated[Seconds, Field(description="For staff to take an item off; then a person must settle it")] = 1800
    silent_robot: Annotated[Seconds, Field(description="Before a silent robot's task goes on without it")] = 600
    recovery: Annotated[Seconds, Field(description="How long a robot may still act on `recover`")] = 60
    retry: Annotated[Seconds, Field(description="Before a delivery that did not begin is tried again, by attempt")] = 10
    priority_step: Annotated[Seconds, Field(description="Waiting that is worth one step of priority")] = 900


class DeliveryAttempts(Input):
    """How often is tried, the first time counted."""

    reach_pickup: Annotated[int, Field(ge=1, le=20)] = 3
    load: Annotated[int, Field(ge=1, le=20)] = 2


class RobotTravel(Input):
    """What assignment reckons with. A full battery lasts `endurance` seconds of driving."""

    speed: Annotated[float, Field(gt=0.01, le=5, allow_inf_nan=False, description="Metres a second, on average")] = 0.2
    detour: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False, description="Way driven, by the way flown")] = 1.3
    endurance: Annotated[int, Field(ge=60, le=7 * DAY)] = 7200
    reserve: Annotated[float, Field(ge=0.12, le=0.9, description="Charge that must be left at home, 0…1")] = 0.15


class LibrarySettings(BaseModel):
    """Every setting by its name."""

    registration: RegistrationRules = Field(default_factory=RegistrationRules)
    limits: Limits = Field(default_factory=Limits)
    circulation: CirculationTimes = Field(default_factory=CirculationTimes)
    desks: Desks = Field(default_factory=Desks)
    delivery_times: DeliveryTimes = Field(default_factory=DeliveryTimes)
    delivery_attempts: DeliveryAttempts = Field(default_factory=DeliveryAttempts)
    robot_travel: RobotTravel = Field(default_factory=RobotTravel)
    opening_hours: OpeningHours = Field(default_factory=OpeningHours)


SCHEMAS: Mapping[str, type[BaseModel]] = {
    name: field.annotation
    for name, field in LibrarySettings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}


class LibraryRules:
    """The settings as this process knows them. `monotonic` is in seconds."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        registration = RegistrationRules(mode=settings.registration, domains=list(settings.registration_domains))
        self._defaults = LibrarySettings(registration=registration)
        self._mail_can_leave = settings.smtp_host is not None or settings.mail_dir is not None
        self._monotonic = monotonic
        self._known: tuple[float, LibrarySettings] | None = None

    def now(self, session: Session) -> LibrarySettings:
        """As they are, or were a second ago."""
        known, now = self._known, self._monotonic()
        if known is None or now - known[0] > FRESH_SECONDS:
            self._known = known = (now, self.read(session))
        return known[1]

    def zone(self, session: Session) -> ZoneInfo:
        """The library's time zone, as `now`."""
        return ZoneInfo(self.now(session).opening_hours.timezone)

    def read(self, session: Session) -> LibrarySettings:
        """As they stand in the table. A value that its schema takes no longer counts as its default."""
        with session.no_autoflush:  # who asks may be in the middle of a change of their own
            rows = session.execute(select(Setting.name, Setting.value).where(Setting.name.in_(SCHEMAS))).all()
        found = {row.name: value for row in rows if (value := _checked(row.name, row.value)) is not None}
        return self._defaults.model_copy(update=found)

    def forget(self) -> None:
        """Read anew next time."""
        self._known = None

    def change(self, session: Session, wanted: Mapping[str, Mapping[str, Any]], by: UUID, at: datetime) -> "Changed":
        """Give settings other values; within each what is not given stays. Raises ValidationFailed, naming fields."""
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('settings', 0))"))
        before = self.read(session)
        merged = {name: {**getattr(before, name).model_dump(), **values} for name, values in wanted.items()}
        after = {name: _parse(name, values) for name, values in merged.items()}
        self._check_mail(after.get("registration"))
        for name, value in after.items():
            session.merge(Setting(name=name, value=value.model_dump(mode="json"), updated_at=at, updated_by=by))
        session.flush()
        return Changed(before, before.model_copy(update=after))

    def _check_mail(self, registration: BaseModel | None) -> None:
        needs_mail = isinstance(registration, RegistrationRules) and registration.mode is Registration.DOMAINS
        if needs_mail and not self._mail_can_leave:
            raise ValidationFailed({"registration.mode": ["domains sends mails: LUNA_SMTP_HOST must be set first"]})


class Changed(tuple[LibrarySettings, LibrarySettings]):
    """Settings before and after a change."""

    __slots__ = ()

    def __new__(cls, before: LibrarySettings, after: LibrarySettings) -> "Changed":
        return super().__new__(cls, (before, after))

    @property
    def before(self) -> LibrarySettings:
        return self[0]

    @property
    def after(self) -> LibrarySettings:
        return self[1]

    def differences(self) -> dict[str, dict[str, Any]]:
        """What is another now, by name, as it was and is."""
        before, after = (one.model_dump(mode="json") for one in self)
        return {name: {"from": before[name], "to": after[name]} for name in before if before[name] != after[name]}


def _checked(name: str, value: Any) -> BaseModel | None:
    try:
        return SCHEMAS[name].model_validate(value)
    except ValidationError:
        log.error("setting_not_understood", setting=name)
        return None


def _parse(name: str, value: Any) -> BaseModel:
    try:
        return SCHEMAS[name].model_validate(value)
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for problem in error.errors():
            path = ".".join((name, *map(str, problem["loc"])))
            fields.setdefault(path, []).append(problem["msg"].removeprefix("Value error, "))
        raise ValidationFailed(fields) from error


LIBRARY_RULES: Port[LibraryRules] = Port("library settings")


def library_rules(runtime: Runtime) -> LibraryRules:
    """Those of this process."""
    return runtime.once(LIBRARY_RULES, lambda: LibraryRules(runtime.settings))
