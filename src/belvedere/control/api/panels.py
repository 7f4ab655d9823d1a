"""`/panels`: security panels one may arm, is told of, or sets up. Binding and unbinding is under `/devices`."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import Field, StringConstraints

from belvedere.contracts.panels import PanelAct
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import In, Out, PersonOut, ProblemOut
from belvedere.control.devices import services
from belvedere.control.devices.panel_sources import BrokerWish, PanelWish
from belvedere.control.devices.panels import PanelView, get_panel, list_panels

router = Router(tags=["panels"])

type Topic = Annotated[str, StringConstraints(max_length=200)]


class TopicsIn(In):
    """Whole MQTT topics: no wildcards. `availability`: null where the panel has none."""

    state: Topic = Field(examples=["home/alarm"])
    command: Topic = Field(examples=["home/alarm/set"])
    availability: Topic | None = None


class TrustIn(In):
    """Whom to take for the broker. `plain`: yes, without TLS, where everybody on the way reads along."""

    ca: str = Field(default="", max_length=20_000, description="authorities in PEM, in place of the system's")
    fingerprint: str = Field(default="", max_length=100, description="SHA-256 of the broker's one certificate")
    plain: bool = False


class BrokerIn(In):
    """Another broker for a panel, or another login. What is null stays as it is, at the same broker only."""

    address: str = Field(max_length=500, examples=["mqtts://192.168.1.10:8883"])
    username: str | None = Field(default=None, max_length=200)
    password: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200)] | None = None
    trust: TrustIn | None = None

    def wish(self) -> BrokerWish:
        """As services take it."""
        return BrokerWish(
            address=self.address,
            username=self.username,
            password=self.password,
            ca=self.trust.ca if self.trust else None,
            fingerprint=self.trust.fingerprint if self.trust else None,
            is_plain_ok=bool(self.trust and self.trust.plain),
        )


class CommandIn(In):
    """What to tell a panel. The code is passed on and never kept."""

    command: PanelAct
    code: Annotated[str, StringConstraints(strip_whitespace=False, max_length=32)] = ""


class PanelOut(Out):
    """A panel as the caller sees it. What belongs to the owner alone is null for others."""

    id: str = Field(description="its device's")
    name: str
    site: str | None
    organization: str | None
    state: str = Field(description="as Home Assistant's alarm panels say it, or unknown")
    since: datetime | None
    error: str
    code: str = Field(description="when a code is needed: never, disarm or always")
    mine: bool
    shared_by: PersonOut | None
    permissions: list[str]

    @classmethod
    def of(cls, view: PanelView) -> "PanelOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            name=view.name,
            site=view.site,
            organization=view.organization,
            state=view.state.value,
            since=view.since,
            error=view.error,
            code=view.code,
            mine=view.mine,
            shared_by=PersonOut.of(view.shared_by) if view.shared_by else None,
            permissions=view.permissions.wire_names,
        )


class PanelsOut(Out):
    """A page of panels."""

    items: list[PanelOut]
    next: str | None = None


class CommandOut(Out):
    """What became of a command. `unanswered`: it went out, and the panel did not show that it took it."""

    outcome: Literal["ok", "unanswered"]
    state: str


def read_wish(
    *, address: str, username: str, password: str, topics: TopicsIn, trust: TrustIn | None, code: str
) -> PanelWish:
    """A panel to be bound, as services take it."""
    trust = trust or TrustIn()
    return PanelWish(
        address=address,
        username=username,
        password=password,
        state_topic=topics.state,
        command_topic=topics.command,
        availability_topic=topics.availability or "",
        ca=trust.ca,
        fingerprint=trust.fingerprint,
        is_plain_ok=trust.plain,
        code=code,
    )


@router.get("/panels", response={200: PanelsOut, 400: ProblemOut, 401: ProblemOut})
def panels(request: HttpRequest, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> PanelsOut:
    """Every panel the caller may arm, is told of, or sets up."""
    actor = actor_of(request)
    rows, following = paginate(
        list_panels(actor),
        actor=actor,
        listing="panels",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    return PanelsOut(items=[PanelOut.of(row) for row in rows], next=following)


@router.get("/panels/{panel_id}", response={200: PanelOut, 401: ProblemOut, 404: ProblemOut})
def panel(request: HttpRequest, panel_id: str) -> PanelOut:
    """One panel, and its state."""
    return PanelOut.of(get_panel(actor_of(request), panel_id))


@router.post(
    "/devices/{panel_id}/panel",
    response={
        200: CommandOut,
        401: ProblemOut,
        403: ProblemOut,
        404: ProblemOut,
        422: ProblemOut,
        429: ProblemOut,
        503: ProblemOut,
    },
)
def command_panel(request: HttpRequest, panel_id: str, body: CommandIn) -> CommandOut:
    """Arm or disarm, now or not at all. 503 `panel_unreachable`: nothing was sent, nor will be."""
    answer = services.command_panel(actor_of(request), panel=panel_id, act=body.command, code=body.code)
    return CommandOut(outcome="ok" if answer.code == "ok" else "unanswered", state=answer.state.value)
