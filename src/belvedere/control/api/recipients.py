"""Whom one shares with, and one's own QR code: `/recipients`, `/me/qr`."""

from datetime import datetime

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Router, Status

from belvedere.control.accounts import services as accounts
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import In, Name, Out, ProblemOut, ReceiptOut
from belvedere.control.core.errors import Invalid
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import PastRecipient, list_recipients
from belvedere.control.streaming.selectors import list_cuts

router = Router(tags=["sharing"])


class RecipientOut(Out):
    """Somebody the caller shared with. The remark is the caller's own."""

    id: str
    name: str | None
    email: str
    remark: str
    sees: int

    @classmethod
    def of(cls, row: PastRecipient) -> "RecipientOut":
        """From what selectors return."""
        return cls(id=row.id, name=row.name, email=row.email, remark=row.remark, sees=row.sees)


class RecipientsOut(Out):
    """Past recipients."""

    items: list[RecipientOut]
    next: str | None = None


class RemarkIn(In):
    """One's own note."""

    remark: Name


class RecipientIn(In):
    """Somebody, by the whole address or by what the QR code says: one of the two."""

    email: str = Field(default="", max_length=254, examples=["rita@example.org"])
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


@router.get("/recipients", response={200: RecipientsOut, 401: ProblemOut})
def recipients(request: HttpRequest) -> RecipientsOut:
    """Everybody the caller has shared with."""
    rows = list_recipients(actor_of(request))
    return RecipientsOut(items=[RecipientOut.of(row) for row in rows])


@router.patch(
    "/recipients/{recipient_id}", response={200: RecipientsOut, 401: ProblemOut, 404: ProblemOut, 422: ProblemOut}
)
def set_remark(request: HttpRequest, recipient_id: str, body: RemarkIn) -> RecipientsOut:
    """Change one's note on somebody."""
    services.set_remark(actor_of(request), recipient=recipient_id, remark=body.remark)
    return recipients(request)


@router.post("/recipients", response={201: RecipientOut, 401: ProblemOut, 422: ProblemOut, 429: ProblemOut})
def add_recipient(request: HttpRequest, body: RecipientIn) -> Status[RecipientOut]:
    """Put somebody on one's list. Whether anybody has that address is not said: nothing is sent, nothing given."""
    if bool(body.email) == bool(body.qr):
        raise Invalid(_("Name an address or a code, one of them."), field="email")
    actor = actor_of(request)
    added = services.add_recipient(actor, email=body.email, qr=body.qr, remark=body.remark)
    return Status(201, next(RecipientOut.of(row) for row in list_recipients(actor) if row.id == added))


@router.delete("/recipients/{recipient_id}", response={200: ReceiptOut, 401: ProblemOut, 404: ProblemOut})
def remove_recipient(request: HttpRequest, recipient_id: str) -> ReceiptOut:
    """End everything shared with somebody, offers too, and take him off the list. One receipt for all of it."""
    change_id = services.remove_recipient(actor_of(request), recipient=recipient_id)
    return ReceiptOut.of("removed", change_id, list_cuts(change_id))


@router.get("/me/qr", response={200: QrOut, 401: ProblemOut})
def show_qr(request: HttpRequest) -> QrOut:
    """One's own code."""
    return QrOut.of(accounts.show_qr(actor_of(request)))


@router.post("/me/qr", response={200: QrOut, 401: ProblemOut})
def renew_qr(request: HttpRequest) -> QrOut:
    """A fresh code. The old one leads to nobody from now on."""
    return QrOut.of(accounts.renew_qr(actor_of(request)))
