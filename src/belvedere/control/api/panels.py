"""`/panels`: security panels one may arm, is told of, or sets up. Binding and unbinding is under `/devices`."""

from datetime import datetime
from typing import Annotated, Final, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import Field, StringConstraints

from belvedere.contracts.panels import PanelAct, PanelAnswerCode
from belvedere.control.api.auth import actor_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate, seal, unseal
from belvedere.control.api.schemas import In, Out, PersonOut, problems
from belvedere.control.core.errors import NotFound
from belvedere.control.devices import services
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.devices.panel_history import PanelLine, list_panel_history
from belvedere.control.devices.panel_sources import PanelWish
from belvedere.control.devices.panels import PanelView, get_panel, list_panels
from belvedere.control.sharing.selectors import is_used_up
from belvedere.control.sharing.services.once import UsedUp

router = Router(tags=["panels"])

type Topic = Annotated[str, StringConstraints(max_length=200)]

_OUTCOMES: Final[dict[PanelAnswerCode, Literal["ok", "not_taken", "unanswered"]]] = {
    PanelAnswerCode.OK: "ok",
    PanelAnswerCode.UNANSWERED: "unanswered",
    PanelAnswerCode.NOT_TAKEN: "not_taken",
}


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
    """What became of a command. `not_taken`: it went out, and the panel is there and stayed as it was: a wrong code,
    or a slow panel. `unanswered`: it went out, and nobody knows.
    """

    outcome: Literal["ok", "not_taken", "unanswered"]
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


@router.get("/panels", response={200: PanelsOut, **problems(400, 401)})
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


@router.get("/panels/{panel_id}", response={200: PanelOut, **problems(401, 404)})
def panel(request: HttpRequest, panel_id: str) -> PanelOut:
    """One panel, and its state."""
    return PanelOut.of(get_panel(actor_of(request), panel_id))


@router.post("/devices/{panel_id}/panel", response={200: CommandOut, **problems(401, 403, 404, 422, 429, 503)})
def command_panel(request: HttpRequest, panel_id: str, body: CommandIn) -> CommandOut:
    """Arm or disarm, now or not at all. 503 `panel_unreachable`: nothing was sent, nor will be.

    403 `used_up`: it was given for one time, and that was it. What the panel did not take is given back, three times.
    """
    actor = actor_of(request)
    try:
        answer = services.command_panel(actor, panel=panel_id, act=body.command, code=body.code)
    except NotFound:
        if is_used_up(actor, panel_id):
            raise UsedUp from None
        raise
    return CommandOut(outcome=_OUTCOMES[answer.code], state=answer.state.value)


class PanelLineOut(Out):
    """One line of a panel's history.

    kind `commanded`: `by` told it `command`. `not_confirmed`: the same, and what became of it is in `outcome`.
    `state`: it said that it is so by then, who or whatever made it so.
    """

    at: datetime
    kind: Literal["commanded", "not_confirmed", "state"]
    by: str | None = Field(description="the name borne then; null where it was erased")
    command: str | None
    outcome: str | None
    state: str | None

    @classmethod
    def of(cls, line: PanelLine) -> "PanelLineOut":
        """From what selectors return."""
        return cls(
            at=line.at,
            kind="state" if line.state else "not_confirmed" if line.outcome else "commanded",
            by=(line.entry.text("actor_name") or None) if line.entry else None,
            command=line.act.value if line.act else None,
            outcome=line.outcome.value if line.outcome else None,
            state=line.state.value if line.state else None,
        )


class PanelHistoryOut(Out):
    """What became of a panel, the latest first."""

    items: list[PanelLineOut]
    next: str | None = None


@router.get("/panels/{panel_id}/history", response={200: PanelHistoryOut, **problems(400, 401, 403, 404)})
def panel_history(
    request: HttpRequest, panel_id: str, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> PanelHistoryOut:
    """Who told the panel what, and what it said of itself, the latest first. Needs `configure`."""
    actor = actor_of(request)
    listing = f"panel-history:{panel_id}"
    page = list_panel_history(
        actor,
        panel_id,
        before=datetime.fromisoformat(unseal(cursor, actor=actor, listing=listing)) if cursor else None,
        limit=max(1, min(limit, MAX_LIMIT)),
    )
    following = seal(page.before.isoformat(), actor=actor, listing=listing) if page.before else None
    return PanelHistoryOut(items=[PanelLineOut.of(line) for line in page.items], next=following)
