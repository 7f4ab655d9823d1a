"""`/access/explain`: why somebody may do something, or that he may not."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import Field

from belvedere.contracts.permissions import parse_names
from belvedere.control.access.roles import Role
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import Out, ProblemOut
from belvedere.control.core.errors import Invalid
from belvedere.control.sharing.selectors import explain_access

router = Router(tags=["access"])


class ReasonOut(Out):
    """One right that gives it."""

    origin: Literal["share", "membership", "guest_link"]
    id: str
    role: Role | None
    resource: str
    text: str


class ExplanationOut(Out):
    """Whether, and because of what. `from` is where footage begins, null where there is no bound or no footage."""

    allowed: bool
    from_: datetime | None = Field(serialization_alias="from")
    because: list[ReasonOut]


@router.get(
    "/access/explain",
    response={200: ExplanationOut, 401: ProblemOut, 404: ProblemOut, 422: ProblemOut},
    by_alias=True,
)
def explain(request: HttpRequest, account: str, permission: str, camera: str = "", device: str = "") -> ExplanationOut:
    """Why an account, by id or whole address, may use a permission on a camera or device that the caller may share.

    One who may not and one who does not exist get the same answer.
    """
    if bool(camera) == bool(device):
        raise Invalid(_("Name a camera or a device."), field="camera")
    try:
        asked = parse_names([permission])
    except ValueError as error:
        raise Invalid(str(error), field="permission") from None
    found = explain_access(
        actor_of(request),
        account=account,
        permission=asked,
        kind="camera" if camera else "device",
        resource=camera or device,
    )
    return ExplanationOut(
        allowed=found.is_allowed,
        from_=found.footage_from,
        because=[
            ReasonOut(origin=row.origin, id=row.id, role=row.role, resource=row.resource, text=row.text)
            for row in found.because
        ],
    )
