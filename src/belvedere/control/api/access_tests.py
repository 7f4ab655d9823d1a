"""`/access-tests`: what somebody is let do with cameras that the caller manages, tried for real."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from belvedere.contracts.permissions import parse_names
from belvedere.control.api.auth import actor_of
from belvedere.control.api.schemas import Id, In, Out, PersonOut, problems
from belvedere.control.core.errors import Invalid
from belvedere.control.handover.selectors.access_tests import AccessResult, AccessTestView, get_access_test
from belvedere.control.handover.services.access_tests import MAX_CAMERAS, TESTABLE, start_access_test

router = Router(tags=["access"])


class AccessTestIn(In):
    """Whom, on what, and which of what can be shared."""

    account: str = Field(max_length=254, description="an account's id or whole address", examples=["rita@example.org"])
    cameras: list[Id] = Field(min_length=1, max_length=MAX_CAMERAS, description="of one organization")
    permissions: list[str] = Field(default=TESTABLE.wire_names, min_length=1, max_length=8)


class AccessTestStartedOut(Out):
    """Where the results come in."""

    id: str


class AccessResultOut(Out):
    """One permission on one camera. What has no `at` yet has no answer yet."""

    camera: str
    permission: str
    granted: bool | None
    worked: bool | None
    why: str = Field(description="what stood against it: refused, offline, no_footage, no_sound, no_motor, no_talk, …")
    outcome: Literal["pending", "as_granted", "otherwise", "untested"]
    took_ms: int | None
    network: str = Field(description="local or remote; of what the server tries itself, local")
    at: datetime | None

    @classmethod
    def of(cls, row: AccessResult) -> "AccessResultOut":
        """From what selectors return."""
        return cls(
            camera=row.camera,
            permission=row.permission.wire_names[0],
            granted=row.granted,
            worked=row.worked,
            why=row.why,
            outcome=row.outcome,
            took_ms=row.took_ms,
            network=row.network,
            at=row.at,
        )


class AccessTestOut(Out):
    """A test, as far as its cameras are the caller's to manage."""

    id: str
    way: Literal["probe", "person"] = Field(description="tried by the server, or by the person by a link")
    account: PersonOut
    state: Literal["running", "done"]
    started_at: datetime
    finished_at: datetime | None
    results: list[AccessResultOut]

    @classmethod
    def of(cls, view: AccessTestView) -> "AccessTestOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            way="person" if view.is_by_person else "probe",
            account=PersonOut.of(view.account),
            state=view.state,
            started_at=view.started_at,
            finished_at=view.finished_at,
            results=[AccessResultOut.of(row) for row in view.results],
        )


@router.post("/access-tests", response={202: AccessTestStartedOut, **problems(401, 404, 422, 429)})
def start_test(request: HttpRequest, body: AccessTestIn) -> Status[AccessTestStartedOut]:
    """Try what somebody is let do: the media plane opens it, in his name, and says yes or no. Within 30 seconds.

    No picture and no ticket comes back. A camera that the caller may not share, and somebody he does not know, are not
    there.
    """
    try:
        permissions = parse_names(body.permissions)
    except ValueError as error:
        raise Invalid(str(error), field="permissions") from None
    pk = start_access_test(actor_of(request), account=body.account, cameras=body.cameras, permissions=permissions)
    return Status(202, AccessTestStartedOut(id=pk))


@router.get("/access-tests/{test_id}", response={200: AccessTestOut, **problems(401, 404)})
def get_test(request: HttpRequest, test_id: str) -> AccessTestOut:
    """How far a test is, and what came of it, for who manages its cameras."""
    return AccessTestOut.of(get_access_test(actor_of(request), test_id))
