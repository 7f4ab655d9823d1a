"""`/cameras/…/detector`: a program that looks at a camera's picture, and says over MQTT what it sees."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import Field

from belvedere.control.api.auth import actor_of
from belvedere.control.api.panels import BrokerIn
from belvedere.control.api.schemas import In, Out, problems
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.devices import services
from belvedere.control.devices.detectors import find_detector

router = Router(tags=["cameras"])

_REFUSALS = problems(401, 403, 404)


class DetectorIn(In):
    """From where a camera's detector is heard, and as what it knows the camera. Topics are whole: no wildcards."""

    broker: BrokerIn
    prefix: str = Field(default="frigate", max_length=90, description="what its topics begin with")
    name: str = Field(max_length=90, examples=["back_yard"])


class DetectorOut(Out):
    """A camera's detector. Of the broker only scheme, host and port are shown."""

    address: str
    prefix: str
    name: str
    state: str = Field(description="listening, unknown, or one word for what is wrong")
    heard_at: datetime | None = Field(description="when it last said something of this camera")


def _find(actor: Principal, camera: str) -> DetectorOut:
    found = find_detector(actor, camera)
    if found is None:
        raise NotFound
    return DetectorOut(
        address=found.address, prefix=found.prefix, name=found.name, state=found.state, heard_at=found.heard_at
    )


@router.get("/cameras/{camera_id}/detector", response={200: DetectorOut, **_REFUSALS})
def detector(request: HttpRequest, camera_id: str) -> DetectorOut:
    """The detector of a camera; 404 where it has none. Needs `configure`."""
    return _find(actor_of(request), camera_id)


@router.put("/cameras/{camera_id}/detector", response={200: DetectorOut, **_REFUSALS, **problems(422, 429)})
def set_detector(request: HttpRequest, camera_id: str, body: DetectorIn) -> DetectorOut:
    """Hear of a camera what a detector says of it, in place of any other. Needs `configure`."""
    actor = actor_of(request)
    services.set_detector(actor, camera=camera_id, broker=body.broker.wish(), prefix=body.prefix, name=body.name)
    return _find(actor, camera_id)


@router.delete("/cameras/{camera_id}/detector", response={204: None, **_REFUSALS})
def remove_detector(request: HttpRequest, camera_id: str) -> HttpResponse:
    """Hear of it no more; its login is forgotten, its events stay. Needs `configure`."""
    services.remove_detector(actor_of(request), camera=camera_id)
    return HttpResponse(status=204)
