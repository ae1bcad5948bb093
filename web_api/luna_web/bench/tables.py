"""Tables of a benchmark's own database; no migration makes them."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from luna_web.shared.database import Base

CREATE = "CREATE TABLE IF NOT EXISTS bench_titles (id uuid PRIMARY KEY, title text NOT NULL)"


class BareTitle(Base):
    """What the bare app writes."""

    __tablename__ = "bench_titles"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
