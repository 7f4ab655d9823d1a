"""Shapes that several modules share. Unknown fields are refused; times are RFC 3339 UTC."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from belvedere.control.accounts.selectors import Person
from belvedere.control.core import clock
from belvedere.control.core.names import is_phone
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import CameraView
from belvedere.control.streaming.selectors import CutView

type Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
type Name = Annotated[str, StringConstraints(max_length=80)]
#: a region, or a postal address
type Place = Annotated[str, StringConstraints(max_length=200)]
#: as in Europe/Madrid
type Zone = Annotated[str, StringConstraints(max_length=60)]


class In(Schema):
    """Base of every body that comes in."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Hours(In):
    """Weekly windows of wall time, for shares and for recording."""

    zone: str = Field(max_length=60, description="as in Europe/Madrid")
    weekly: dict[str, list[tuple[str, str]]] = Field(description='{"mon": [["22:00", "24:00"]]}')


class Out(Schema):
    """Base of every body that goes out."""


class PersonOut(Out):
    """One shape wherever a person stands. `name` is null until the person accepted something of yours."""

    id: str
    name: str | None
    email: str

    @classmethod
    def of(cls, person: Person | Principal) -> "PersonOut":
        """From what selectors return."""
        return cls(id=person.id, name=person.name, email=person.email)


class PersonByPhoneOut(Out):
    """The same, of somebody who was shared with by his telephone number (E.164): that is all the sharer typed."""

    id: str
    name: str | None
    phone: str


def person_at(key: str, name: str | None, address: str) -> PersonOut | PersonByPhoneOut:
    """Somebody by what was typed: an e-mail address, or a number."""
    if is_phone(address):
        return PersonByPhoneOut(id=key, name=name, phone=address)
    return PersonOut(id=key, name=name, email=address)


class CameraOut(Out):
    """A camera as the caller sees it. What belongs to the owner alone is null for others."""

    id: str
    name: str
    alias: str
    device: str | None
    site: str | None
    organization: str | None
    state: str = Field(description="online, offline or unknown")
    mine: bool
    shared_by: PersonOut | None
    permissions: list[str]
    has: list[str]
    watching: int | None = Field(description="null without the share permission")

    @classmethod
    def of(cls, view: CameraView, watching: int | None) -> "CameraOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            name=view.name,
            alias=view.alias,
            device=view.device,
            site=view.site,
            organization=view.organization,
            state=view.state,
            mine=view.mine,
            shared_by=PersonOut.of(view.shared_by) if view.shared_by else None,
            permissions=view.permissions.wire_names,
            has=view.has,
            watching=watching,
        )


class CutOut(Out):
    """One line of a receipt: cut at an instant, or ending by one at the latest."""

    session: str
    camera: str
    kind: str
    account: PersonOut
    cut_at: datetime | None
    ends_by: datetime | None


class ReceiptOut(Out):
    """What a loss of rights has ended, and when."""

    state: str
    change_id: str
    at: datetime
    cut: list[CutOut]

    @classmethod
    def of(cls, state: str, change_id: str, cuts: list[CutView]) -> "ReceiptOut":
        """From what selectors return."""
        return cls(
            state=state,
            change_id=change_id,
            at=clock.now(),
            cut=[
                CutOut(
                    session=cut.session,
                    camera=cut.camera,
                    kind=cut.kind,
                    account=PersonOut.of(cut.account),
                    cut_at=cut.cut_at,
                    ends_by=cut.ends_by,
                )
                for cut in cuts
            ],
        )


class ProblemOut(Out):
    """RFC 9457. `code` is stable; further fields stand beside it."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str


def problems(*statuses: int) -> dict[int, type[ProblemOut]]:
    """Of an operation's responses, those that are problems."""
    return dict.fromkeys(statuses, ProblemOut)
