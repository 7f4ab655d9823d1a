"""Whom one shares with, and one's own QR code: `/recipients`, `/me/qr`."""

from datetime import datetime

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Router, Status

from belvedere.control.accounts import services as accounts
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import (
    In,
    Name,
    Out,
    PersonByPhoneOut,
    PersonOut,
    ReceiptOut,
    person_at,
    problems,
)
from belvedere.control.core.errors import Invalid
from belvedere.control.core.names import clean_email, clean_phone
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import PastRecipient, list_recipients
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["sharing"])


class _Noted(Out):
    """The caller's own note on somebody, and how many cameras and panels he has from the caller now."""

    remark: str
    sees: int


class RecipientOut(_Noted, PersonOut):
    """Somebody the caller shared with. The name is null until he accepted something."""


class RecipientByPhoneOut(_Noted, PersonByPhoneOut):
    """The same, of somebody whose telephone number the caller typed."""


def _recipient(row: PastRecipient) -> RecipientOut | RecipientByPhoneOut:
    known = person_at(row.id, row.name, row.address).model_dump()
    kind = RecipientByPhoneOut if "phone" in known else RecipientOut
    return kind(**known, remark=row.remark, sees=row.sees)


class RecipientsOut(Out):
    """Past recipients."""

    items: list[RecipientOut | RecipientByPhoneOut]
    next: str | None = None


class RemarkIn(In):
    """One's own note."""

    remark: Name


class RecipientIn(In):
    """Somebody, by the whole e-mail address, the number with its country, or what the QR code says: one of them."""

    email: str = Field(default="", max_length=254, examples=["rita@example.org"])
    phone: str = Field(default="", max_length=40, examples=["+34600123456"])
    qr: str = Field(default="", max_length=4000)
    remark: Name = ""


class QrOut(Out):
    """What one's QR code says. It identifies, and opens nothing."""

    address: str
    created_at: datetime

    @classmethod
    def of(cls, row: accounts.QrView) -> "QrOut":
        """From what services return."""
        return cls(address=row.address, created_at=row.created_at)


@router.get("/recipients", response={200: RecipientsOut, **problems(401)})
def recipients(request: HttpRequest) -> RecipientsOut:
    """Everybody the caller has shared with."""
    rows = list_recipients(actor_of(request))
    return RecipientsOut(items=[_recipient(row) for row in rows])


@router.patch("/recipients/{recipient_id}", response={200: RecipientsOut, **problems(401, 404, 422)})
def set_remark(request: HttpRequest, recipient_id: str, body: RemarkIn) -> RecipientsOut:
    """Change one's note on somebody."""
    services.set_remark(actor_of(request), recipient=recipient_id, remark=body.remark)
    return recipients(request)


@router.post("/recipients", response={201: RecipientOut | RecipientByPhoneOut, **problems(401, 422, 429)})
def add_recipient(request: HttpRequest, body: RecipientIn) -> Status[RecipientOut | RecipientByPhoneOut]:
    """Put somebody on one's list. Whether anybody has that address is not said: nothing is sent, nothing given."""
    if sum(map(bool, (body.email, body.phone, body.qr))) != 1:
        raise Invalid(_("Name an address, a number or a code, one of them."), field="email")
    actor = actor_of(request)
    address = clean_phone(body.phone) if body.phone else clean_email(body.email) if body.email else ""
    added = services.add_recipient(actor, address=address, qr=body.qr, remark=body.remark)
    return Status(201, next(_recipient(row) for row in list_recipients(actor) if row.id == added))


@router.delete("/recipients/{recipient_id}", response={200: ReceiptOut, **problems(401, 404)})
def remove_recipient(request: HttpRequest, recipient_id: str) -> ReceiptOut:
    """End everything shared with somebody, offers too, and take him off the list. One receipt for all of it."""
    change_id = services.remove_recipient(actor_of(request), recipient=recipient_id)
    return ReceiptOut.of("removed", change_id, list_cuts(change_id))


@router.get("/me/qr", response={200: QrOut, **problems(401)})
def show_qr(request: HttpRequest) -> QrOut:
    """One's own code."""
    return QrOut.of(accounts.show_qr(actor_of(request)))


@router.post("/me/qr", response={200: QrOut, **problems(401)})
def renew_qr(request: HttpRequest) -> QrOut:
    """A fresh code. The old one leads to nobody from now on."""
    return QrOut.of(accounts.renew_qr(actor_of(request)))
