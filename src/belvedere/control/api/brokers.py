"""`/brokers`: MQTT brokers of the caller's own, by which a home automation is told what he is told."""

from datetime import datetime
from typing import Self

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status
from pydantic import Field

from belvedere.control.api.auth import actor_of
from belvedere.control.api.panels import BrokerIn
from belvedere.control.api.schemas import In, Name, Out, problems
from belvedere.control.notifications import services
from belvedere.control.notifications.selectors import BrokerView, get_broker, list_brokers

router = Router(tags=["notifications"])

_REFUSALS = problems(401, 403, 404, 422, 429)


class OwnBrokerIn(In):
    """What is to be told, and how. Topics are `<prefix>/<id of the camera or panel>/event`."""

    name: Name
    broker: BrokerIn
    prefix: str = Field(default="belvedere", max_length=90)
    announced: bool = Field(default=True, description="to Home Assistant, by its MQTT discovery")


class OwnBrokerPatch(In):
    """What is left out stays."""

    name: Name | None = None
    broker: BrokerIn | None = None
    enabled: bool | None = None


class OwnBrokerOut(Out):
    """A broker of one's own. Of its address only scheme, host and port are shown."""

    id: str
    name: str
    address: str
    prefix: str
    announced: bool
    enabled: bool
    is_failing: bool
    created_at: datetime
    last_sent_at: datetime | None

    @classmethod
    def of(cls, view: BrokerView) -> Self:
        """From what selectors return."""
        return cls(
            id=view.id,
            name=view.name,
            address=view.shown_address,
            prefix=view.prefix,
            announced=view.is_announced,
            enabled=view.is_enabled,
            is_failing=view.is_failing,
            created_at=view.created_at,
            last_sent_at=view.last_sent_at,
        )


class OwnBrokersOut(Out):
    """One's brokers, the latest first."""

    items: list[OwnBrokerOut]


@router.get("/brokers", response={200: OwnBrokersOut, **problems(401, 403)})
def brokers(request: HttpRequest) -> OwnBrokersOut:
    """The caller's brokers."""
    return OwnBrokersOut(items=[OwnBrokerOut.of(row) for row in list_brokers(actor_of(request))])


@router.post("/brokers", response={201: OwnBrokerOut, **_REFUSALS})
def create_broker(request: HttpRequest, body: OwnBrokerIn) -> Status[OwnBrokerOut]:
    """Have a broker told what happens: QoS 1, never retained. Needs a fresh sign-in."""
    actor = actor_of(request)
    made = services.create_broker(
        actor, name=body.name, broker=body.broker.wish(), prefix=body.prefix, is_announced=body.announced
    )
    return Status(201, OwnBrokerOut.of(get_broker(actor, made)))


@router.patch("/brokers/{broker_id}", response={200: OwnBrokerOut, **_REFUSALS})
def change_broker(request: HttpRequest, broker_id: str, body: OwnBrokerPatch) -> OwnBrokerOut:
    """Change it, switch it off or on again. A kept password goes to no other broker. Needs a fresh sign-in."""
    actor = actor_of(request)
    wish = body.broker.wish() if body.broker else None
    services.change_broker(actor, broker=broker_id, name=body.name, wish=wish, is_enabled=body.enabled)
    return OwnBrokerOut.of(get_broker(actor, broker_id))


@router.delete("/brokers/{broker_id}", response={204: None, **_REFUSALS})
def remove_broker(request: HttpRequest, broker_id: str) -> HttpResponse:
    """Tell it nothing more, and forget its login."""
    services.remove_broker(actor_of(request), broker=broker_id)
    return HttpResponse(status=204)


@router.post("/brokers/{broker_id}/test", response={202: None, **_REFUSALS})
def send_broker_test(request: HttpRequest, broker_id: str) -> HttpResponse:
    """Tell it something at `<prefix>/test/event`."""
    services.send_broker_test(actor_of(request), broker=broker_id)
    return HttpResponse(status=202)
