"""How one is told what happens, by browsers and webhooks; and who is told of what."""

from datetime import datetime
from typing import Literal, Self

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status
from pydantic import AwareDatetime, Field

from belvedere.contracts.camera_events import EventKind
from belvedere.control.api.auth import actor_of
from belvedere.control.api.events import Kind
from belvedere.control.api.schemas import Hours, In, Name, Out, PersonOut, problems
from belvedere.control.core.errors import NotFound
from belvedere.control.notifications import services
from belvedere.control.notifications.channels import Channel, write_channels
from belvedere.control.notifications.selectors import (
    BrowserView,
    Choice,
    DeliveryView,
    MatterView,
    PreferencesView,
    WebhookView,
    get_notification_matrix,
    get_preferences,
    get_webhook,
    list_browsers,
    list_deliveries,
    list_webhooks,
)
from belvedere.control.notifications.web_push import Browser, public_key
from belvedere.control.sharing.terms import hours_wire

router = Router(tags=["notifications"])

#: what concerns one's own account, and rights
type MatterKind = Literal["sign_in", "guesses", "wrong_codes", "many_places", "rights"]
type Way = Literal["inbox", "push", "mail", "webhook", "mqtt"]

_REFUSALS = problems(401, 403, 404, 422, 429)


class MatterOut(Out):
    """Something about one's own account, or about rights, that nobody has answered or put away."""

    kind: Literal["matter"] = "matter"
    id: str
    matter: MatterKind
    organization: str | None = Field(description="whose rights were changed by another one, where one manages them")
    at: datetime
    title: str
    text: str

    @classmethod
    def of(cls, view: MatterView) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            matter=view.kind.value,
            organization=view.organization or None,
            at=view.at,
            title=view.title,
            text=view.text,
        )


class ChoiceIn(In):
    """By which channels one is told of something; null: as is chosen more widely."""

    resource: str = Field(default="", max_length=26, description="a camera or panel; empty: all of them")
    kind: Kind | MatterKind | Literal[""] = Field(
        default="", description="empty: of all kinds that happen at cameras and panels"
    )
    channels: list[Way] | None


class ChoiceOut(Out):
    """By which channels one is told of something."""

    resource: str = Field(description="a camera or panel; empty: all of them")
    kind: str = Field(description="empty: of all kinds")
    channels: list[str]


class PreferencesIn(In):
    """What is left out stays."""

    choices: list[ChoiceIn] = Field(default=[], max_length=500)
    quiet: Hours | None = Field(default=None, description="when nothing is pushed or mailed; null: at no hour")
    snooze_until: AwareDatetime | None = Field(default=None, description="push and mail nothing until then; null: now")


class PreferencesOut(Out):
    """How one wants to be told. The narrowest choice counts."""

    channels: list[str] = Field(description="of everything that nothing else is chosen for")
    choices: list[ChoiceOut]
    quiet: dict[str, object] | None = Field(description="weekly hours in a time zone")
    snooze_until: datetime | None

    @classmethod
    def of(cls, view: PreferencesView) -> Self:
        """From what selectors return."""
        return cls(
            channels=_names(view.usual),
            choices=[
                ChoiceOut(resource=row.resource, kind=row.kind, channels=_names(row.channels)) for row in view.choices
            ],
            quiet=hours_wire(view.hours),
            snooze_until=view.snooze_until,
        )


class CellOut(Out):
    """Of what somebody is told at one camera or panel; of nothing, where it is empty."""

    resource: str
    kinds: list[str]


class MatrixRowOut(Out):
    """Somebody who is told of something, or was."""

    person: PersonOut
    cells: list[CellOut]


class MatrixThingOut(Out):
    """A camera or panel that one may share."""

    id: str
    name: str
    is_panel: bool


class MatrixOut(Out):
    """Who may be told about what. What they chose for themselves stays their own."""

    things: list[MatrixThingOut]
    rows: list[MatrixRowOut]


class KeysIn(In):
    """As browsers give them, base64url."""

    p256dh: str = Field(max_length=200)
    auth: str = Field(max_length=60)


class SubscriptionIn(In):
    """What `PushSubscription.toJSON()` gives."""

    endpoint: str = Field(max_length=1000)
    keys: KeysIn
    expiration_time: float | None = Field(default=None, alias="expirationTime")
    discreet: bool = Field(default=False, description="what is pushed names nothing")


class SubscriptionOut(Out):
    """A browser of one's own that is pushed to."""

    id: str
    agent: str
    discreet: bool
    is_this: bool
    is_failing: bool
    created_at: datetime
    last_sent_at: datetime | None

    @classmethod
    def of(cls, view: BrowserView) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            agent=view.agent,
            discreet=view.is_discreet,
            is_this=view.is_this,
            is_failing=view.is_failing,
            created_at=view.created_at,
            last_sent_at=view.last_sent_at,
        )


class SubscriptionsOut(Out):
    """One's browsers, and the key they subscribe with (`applicationServerKey`)."""

    key: str
    items: list[SubscriptionOut]


class WebhookIn(In):
    """What is to be told, and of what: of all kinds if none is named."""

    name: Name
    url: str = Field(max_length=500, examples=["https://home.example.org/hook"])
    kinds: list[Kind] = []


class WebhookPatch(In):
    """What is left out stays."""

    name: Name | None = None
    url: str | None = Field(default=None, max_length=500)
    kinds: list[Kind] | None = None
    enabled: bool | None = None


class WebhookOut(Out):
    """A program of one's own. Of its address only scheme and host are shown: the rest may be a key."""

    id: str
    name: str
    host: str
    kinds: list[str]
    enabled: bool
    is_failing: bool
    created_at: datetime
    last_sent_at: datetime | None
    former_secret_until: datetime | None = Field(description="until then requests are signed with both secrets")

    @classmethod
    def of(cls, view: WebhookView) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            name=view.name,
            host=view.shown_url,
            kinds=[kind.value for kind in view.kinds],
            enabled=view.is_enabled,
            is_failing=view.is_failing,
            created_at=view.created_at,
            last_sent_at=view.last_sent_at,
            former_secret_until=view.former_until,
        )


class WebhooksOut(Out):
    """One's webhooks, the latest first."""

    items: list[WebhookOut]


class DeliveryOut(Out):
    """One message to a webhook, and its last try."""

    id: str = Field(description="`webhook-id` in the request's head, the same however often it is tried")
    kind: str = Field(description="what happened; empty: a test")
    status: int | None = Field(description="what was answered; null: nothing")
    why: str = Field(description="a word for why there was no answer")
    attempts: int
    tried_at: datetime

    @classmethod
    def of(cls, view: DeliveryView) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            kind=view.kind.value if view.kind else "",
            status=view.status,
            why=view.why,
            attempts=view.attempts,
            tried_at=view.tried_at,
        )


class DeliveriesOut(Out):
    """The last ones, the latest first."""

    items: list[DeliveryOut]


class WebhookMadeOut(Out):
    """With the secret that its receiver checks signatures with. It is shown this once."""

    webhook: WebhookOut
    secret: str


def _names(channels: frozenset[Channel]) -> list[str]:
    return [name for name in write_channels(channels).split(",") if name]


@router.get("/notifications/preferences", response={200: PreferencesOut, **problems(401, 403)})
def preferences(request: HttpRequest) -> PreferencesOut:
    """How the caller wants to be told."""
    return PreferencesOut.of(get_preferences(actor_of(request)))


@router.patch("/notifications/preferences", response={200: PreferencesOut, **_REFUSALS})
def change_preferences(request: HttpRequest, body: PreferencesIn) -> PreferencesOut:
    """Choose channels for everything, a camera or panel, a kind, or a kind there; quiet hours; a snooze."""
    actor = actor_of(request)
    services.change_preferences(
        actor,
        choices=[
            Choice(row.resource, row.kind, frozenset(map(Channel, row.channels)))
            for row in body.choices
            if row.channels is not None
        ],
        dropped=[(row.resource, row.kind) for row in body.choices if row.channels is None],
        quiet=(body.quiet.model_dump() if body.quiet else None) if "quiet" in body.model_fields_set else services.AS_IS,
        snooze_until=body.snooze_until if "snooze_until" in body.model_fields_set else services.AS_IS,
    )
    return PreferencesOut.of(get_preferences(actor))


@router.get("/notifications/matrix", response={200: MatrixOut, **problems(401, 403)})
def notification_matrix(request: HttpRequest) -> MatrixOut:
    """Who may be told about what, at the cameras and panels that the caller may share."""
    found = get_notification_matrix(actor_of(request))
    return MatrixOut(
        things=[MatrixThingOut(id=thing.id, name=thing.name, is_panel=thing.is_panel) for thing in found.things],
        rows=[
            MatrixRowOut(
                person=PersonOut.of(row.person),
                cells=[
                    CellOut(resource=resource, kinds=[kind.value for kind in kinds])
                    for resource, kinds in row.kinds.items()
                ],
            )
            for row in found.rows
        ],
    )


@router.get("/push-subscriptions", response={200: SubscriptionsOut, **problems(401, 403)})
def push_subscriptions(request: HttpRequest) -> SubscriptionsOut:
    """The caller's browsers, and the key to subscribe with."""
    items = [SubscriptionOut.of(row) for row in list_browsers(actor_of(request))]
    return SubscriptionsOut(key=public_key(), items=items)


@router.post("/push-subscriptions", response={201: SubscriptionOut, **_REFUSALS})
def subscribe(request: HttpRequest, body: SubscriptionIn) -> Status[SubscriptionOut]:
    """Push to this browser, for as long as this sign-in lasts."""
    actor = actor_of(request)
    made = services.subscribe_browser(
        actor,
        browser=Browser(body.endpoint, body.keys.p256dh, body.keys.auth),
        agent=request.headers.get("User-Agent", ""),
        is_discreet=body.discreet,
    )
    row = next((row for row in list_browsers(actor) if row.id == made), None)
    if row is None:
        raise NotFound
    return Status(201, SubscriptionOut.of(row))


@router.delete("/push-subscriptions/{subscription_id}", response={204: None, **_REFUSALS})
def unsubscribe(request: HttpRequest, subscription_id: str) -> HttpResponse:
    """Push to it no more."""
    services.unsubscribe_browser(actor_of(request), subscription=subscription_id)
    return HttpResponse(status=204)


@router.get("/webhooks", response={200: WebhooksOut, **problems(401, 403)})
def webhooks(request: HttpRequest) -> WebhooksOut:
    """The caller's webhooks."""
    return WebhooksOut(items=[WebhookOut.of(row) for row in list_webhooks(actor_of(request))])


@router.post("/webhooks", response={201: WebhookMadeOut, **_REFUSALS})
def create_webhook(request: HttpRequest, body: WebhookIn) -> Status[WebhookMadeOut]:
    """Have a program told, by requests signed as Standard Webhooks are. Needs a fresh sign-in."""
    actor = actor_of(request)
    made, secret = services.create_webhook(
        actor, name=body.name, url=body.url, kinds=[EventKind(kind) for kind in body.kinds]
    )
    return Status(201, WebhookMadeOut(webhook=WebhookOut.of(get_webhook(actor, made)), secret=secret))


@router.patch("/webhooks/{webhook_id}", response={200: WebhookOut, **_REFUSALS})
def change_webhook(request: HttpRequest, webhook_id: str, body: WebhookPatch) -> WebhookOut:
    """Change it, switch it off or on again. Needs a fresh sign-in."""
    actor = actor_of(request)
    services.change_webhook(
        actor,
        webhook=webhook_id,
        name=body.name,
        url=body.url,
        kinds=None if body.kinds is None else [EventKind(kind) for kind in body.kinds],
        is_enabled=body.enabled,
    )
    return WebhookOut.of(get_webhook(actor, webhook_id))


@router.post("/webhooks/{webhook_id}/secret", response={200: WebhookMadeOut, **_REFUSALS})
def renew_webhook_secret(request: HttpRequest, webhook_id: str) -> WebhookMadeOut:
    """A new secret. For 24 hours requests are signed with the one before as well. Needs a fresh sign-in."""
    actor = actor_of(request)
    secret = services.renew_webhook_secret(actor, webhook=webhook_id)
    return WebhookMadeOut(webhook=WebhookOut.of(get_webhook(actor, webhook_id)), secret=secret)


@router.delete("/webhooks/{webhook_id}", response={204: None, **_REFUSALS})
def remove_webhook(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Tell it nothing more. Needs a fresh sign-in."""
    services.remove_webhook(actor_of(request), webhook=webhook_id)
    return HttpResponse(status=204)


@router.post("/webhooks/{webhook_id}/test", response={202: None, **_REFUSALS})
def send_webhook_test(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Send it a test; what it answers stands among its deliveries."""
    services.send_webhook_test(actor_of(request), webhook=webhook_id)
    return HttpResponse(status=202)


@router.get("/webhooks/{webhook_id}/deliveries", response={200: DeliveriesOut, **_REFUSALS})
def webhook_deliveries(request: HttpRequest, webhook_id: str) -> DeliveriesOut:
    """What it was sent of late, and what it answered."""
    rows = list_deliveries(actor_of(request), webhook_id)
    return DeliveriesOut(items=[DeliveryOut.of(row) for row in rows])
