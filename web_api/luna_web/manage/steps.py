"""What the commands do. Each can be repeated; each says what it did."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy.orm import Session

from luna_web.auth import service as auth
from luna_web.auth.passwords import Passwords
from luna_web.auth.schemas import Email
from luna_web.auth.service import NewUser, UserView
from luna_web.shared.audit import audit
from luna_web.shared.clock import SystemClock
from luna_web.shared.config import Settings
from luna_web.shared.database import SessionFactory, make_engine, make_session_factory, transaction
from luna_web.shared.fields import Name
from luna_web.shared.library_settings import LibraryRules
from luna_web.shared.models import Job
from luna_web.shared.principal import Role
from luna_web.worker import consumers, dead_letters
from luna_web.worker.dead_letters import Dead

Say = Callable[[str], None]


class Refused(Exception):
    """A command cannot be done; the text says why."""


class RobotPlan(BaseModel):
    """A robot as `bootstrap` and `register-robot` name it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    namespace: str
    bridge_url: str
    home_waypoint: str
    token: SecretStr


class UserPlan(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    email: Email
    role: Role
    first_name: Name
    last_name: Name
    password: SecretStr

    def new_user(self) -> NewUser:
        return NewUser(self.email, self.password.get_secret_value(), self.role, self.first_name, self.last_name)


class BootstrapPlan(BaseModel):
    """All that a LUNA begins with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    floor: Path | None = None
    catalog: bool = False
    robots: tuple[RobotPlan, ...] = ()
    users: tuple[UserPlan, ...] = ()


class Steps:
    """The commands over one database. `say` gets a line for each thing done."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings = settings
        self._say = say
        self._factory: SessionFactory = make_session_factory(make_engine(settings))
        self._passwords = Passwords.of(settings)

    def migrate(self) -> None:
        from luna_web.shared.migrate import migrate, owner_engine

        url = self._settings.database_owner_url
        if url is None:
            raise Refused("LUNA_DATABASE_OWNER_URL is not set; migrations need the database's owner")
        engine = owner_engine(url)
        try:
            done = migrate(engine, self._say)
        finally:
            engine.dispose()
        self._say("database migrated" if done else "database is up to date")

    def seed_floor(self, folder: Path) -> None:
        from luna_web.robot.seed import FloorError, load_floor, lost_desks

        try:
            with self._transaction() as session:
                changed = load_floor(session, folder)
                desks = LibraryRules(self._settings).read(session).desks.model_dump()
                lost = lost_desks(session, desks)
        except FloorError as error:
            raise Refused(str(error)) from error
        self._say(f"floor loaded from {folder}" if changed else "floor is up to date")
        for which in lost:
            self._say(f"the setting desks.{which} names {desks[which]}, which is no place in use: give it one that is")

    def seed_catalog(self) -> None:
        from luna_web.book.seed import seed_catalog

        with self._transaction() as session:
            added = seed_catalog(session)
        self._say("catalog is up to date" if added is None else f"catalog: {added:,} titles added")

    def register_robot(self, robot: RobotPlan) -> None:
        from luna_web.robot.seed import Registration, RegistrationError, register

        wanted = Registration(
            name=robot.name,
            namespace=robot.namespace,
            bridge_url=robot.bridge_url,
            home_waypoint=robot.home_waypoint,
            token=robot.token.get_secret_value(),
        )
        try:
            with self._transaction() as session:
                changed = register(
                    session, wanted, key=self._settings.encryption_key, allowed_hosts=self._settings.bridge_hosts
                )
        except RegistrationError as error:
            raise Refused(str(error)) from error
        self._say(f"robot {robot.name} registered" if changed else f"robot {robot.name} is up to date")

    def ensure_user(self, user: UserPlan) -> None:
        """Make the user if there is none with this email; else change nothing."""
        with self._transaction() as session:
            if auth.find_user_by_email(session, user.email):
                self._say(f"{user.email} exists")
                return
            self._create(session, user)

    def create_user(self, user: UserPlan) -> None:
        with self._transaction() as session:
            self._create(session, user)

    def _create(self, session: Session, user: UserPlan) -> None:
        made = auth.create_user(session, self._passwords, user.new_user())
        audit(session, None, "user.created", "user", made.id, {"role": user.role, "by": "command line"})
        self._say(f"{user.email} created as {user.role}")

    def set_password(self, email: str, password: str) -> None:
        with self._transaction() as session:
            user = auth.set_password(session, self._passwords, email, password, SystemClock())
            audit(session, None, "user.password_set", "user", user.id, {"by": "command line"})
        self._say(f"{email} has a new password; their sessions have ended")

    def users(self) -> list[UserView]:
        with self._transaction() as session:
            return list(auth.list_users(session))

    def jobs(self) -> list[Job]:
        """The periodic jobs that a worker has ever made known."""
        from luna_web.worker import repository

        with self._transaction() as session:
            return list(repository.jobs(session))

    def dead_events(self) -> list[Dead]:
        with self._transaction() as session:
            return list(dead_letters.waiting(session))

    def replay_events(self, ids: Sequence[UUID] | None) -> None:
        """Those named, or all."""
        try:
            with self._transaction() as session:
                asked = dead_letters.replay(session, consumers.NAMES, ids)
        except dead_letters.CannotReplay as error:
            raise Refused(str(error)) from error
        for one in asked:
            self._say(f"{one.id} goes to {one.consumer} once more")
        if not asked:
            self._say("there is nothing to replay")

    def bootstrap(self, plan: BootstrapPlan) -> None:
        """Everything at once, in the order in which one needs the other."""
        self.migrate()
        if plan.floor is not None:
            self.seed_floor(plan.floor)
        if plan.catalog:
            self.seed_catalog()
        for robot in plan.robots:
            self.register_robot(robot)
        for user in plan.users:
            self.ensure_user(user)

    def _transaction(self) -> AbstractContextManager[Session]:
        return transaction(self._factory)
