"""A host's own tables and classes: named as a shop's would be, on purpose."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The host's own registry and metadata."""


class User(Base):
    """Somebody who logs in at the host's."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    orders: Mapped[list["Order"]] = relationship(back_populates="user")


class Product(Base):
    """What the host makes: no product of the shop."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Order(Base):
    """The host's own order of work, with the number of the shop's order as a plain value: no foreign key."""

    __tablename__ = "order"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    shop_order: Mapped[str] = mapped_column(String(40))
    user: Mapped[User] = relationship(back_populates="orders")
