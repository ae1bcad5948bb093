"""Tables of the worker."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from luna_web.shared.database import Base


class DrainDue(Base):
    """A promise that a consumer will look at an aggregate: kept when the row is gone; until then nudges go out.

    `failing`: the last try went wrong, and before `due_at` there is no other.
    """

    __tablename__ = "drains_due"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    aggregate: Mapped[str] = mapped_column(primary_key=True)
    sends: Mapped[int] = mapped_column(default=0)
    failing: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[datetime]
