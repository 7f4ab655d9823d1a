"""Telling somebody's home automation, through his own MQTT broker, by the conventions of Home Assistant.

One topic for each camera or panel, `<prefix>/<id>/event`; a message is QoS 1 and never retained, for what is over is
not to be heard by whoever connects tomorrow. What announces the topic to Home Assistant is retained, and taken back
when the right ends.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from belvedere import __version__
from belvedere.contracts.brokers import BrokerLogin
from belvedere.contracts.camera_events import EventKind
from belvedere.control.core import vault
from belvedere.control.notifications import egress
from belvedere.control.notifications.channels import OF_CAMERAS, OF_PANELS
from belvedere.control.notifications.models import Broker
from belvedere.mqtt import MqttFailure, dial

#: Home Assistant listens below this, unless told otherwise.
DISCOVERY: Final = "homeassistant"
#: A motion is told of when it begins: Home Assistant lets go of it by itself.
_OFF_AFTER_S: Final = 30
_MOVES: Final = (
    *(EventKind.MOTION, EventKind.LINE, EventKind.INTRUSION),
    *(EventKind.PERSON, EventKind.VEHICLE, EventKind.ANIMAL, EventKind.OBJECT),
)


class Publication(NamedTuple):
    """One message to a broker."""

    topic: str
    payload: bytes
    is_retained: bool = False


def event_topic(prefix: str, resource: str) -> str:
    """Where what happens at a camera or panel is told."""
    return f"{prefix}/{resource}/event"


def announce(prefix: str, broker: str, resource: str, name: str, *, is_panel: bool) -> list[Publication]:
    """What makes a camera or panel a device in Home Assistant; the broker's id tells two accounts apart there."""
    kinds = OF_PANELS if is_panel else OF_CAMERAS
    common: dict[str, Any] = {
        "state_topic": event_topic(prefix, resource),
        "device": {"identifiers": [f"belvedere_{broker}_{resource}"], "name": name, "manufacturer": "Belvedere"},
        "origin": {"name": "Belvedere", "sw_version": __version__},
    }
    event: dict[str, Any] = {"name": "Event", "event_types": [kind.value for kind in EventKind if kind in kinds]}
    configs: dict[str, dict[str, Any]] = {"event": event | ({} if is_panel else {"device_class": "motion"})}
    if not is_panel:
        moves = ", ".join(f"'{kind.value}'" for kind in _MOVES)
        configs["binary_sensor"] = {
            "name": "Motion",
            "device_class": "motion",
            "off_delay": _OFF_AFTER_S,
            # Of anything else it hears an empty text, which it passes over.
            "value_template": f"{{{{ 'ON' if value_json.event_type in [{moves}] else '' }}}}",
        }
    return [
        Publication(
            _config_topic(component, broker, resource),
            _write(config | common | {"unique_id": f"belvedere_{broker}_{resource}_{component}"}),
            is_retained=True,
        )
        for component, config in configs.items()
    ]


def take_back(broker: str, resource: str) -> list[Publication]:
    """What makes Home Assistant forget the device: an empty message in place of each that announced it."""
    return [Publication(_config_topic(name, broker, resource), b"", True) for name in ("event", "binary_sensor")]


def tell(prefix: str, resource: str, said: dict[str, Any]) -> Publication:
    """That something happened. `said` has `event_type`, as Home Assistant wants it, and more."""
    return Publication(event_topic(prefix, resource), _write(said))


def seal_login(login: BrokerLogin, row: str) -> str:
    """As it is kept."""
    return vault.seal(msgspec.json.encode(login).decode(), table="broker", row=row, field="login")


def open_login(row: Broker) -> BrokerLogin:
    """How to get in: for the moment of sending."""
    return msgspec.json.decode(vault.unseal(row.login, table="broker", row=row.pk, field="login"), type=BrokerLogin)


def publish(login: BrokerLogin, publications: Iterable[Publication]) -> egress.Answer:
    """Send them, in one connection, to where this server may send (N31). Raises NotReachable, NoAnswer."""
    literals = egress.resolve_host(login.host, login.port, secure=login.is_tls)
    try:
        asyncio.run(_publish(login, literals[0], publications))
    except MqttFailure as failure:
        raise egress.NoAnswer(failure.code.value) from None
    except TimeoutError:
        raise egress.NoAnswer("TimeoutError") from None
    return egress.Answer(200)


async def _publish(login: BrokerLogin, literal: str, publications: Iterable[Publication]) -> None:
    async with asyncio.timeout(egress.TOTAL_S), await dial(login, literal) as session:
        for one in publications:
            await session.deliver(one.topic, one.payload, is_retained=one.is_retained)


def _config_topic(component: str, broker: str, resource: str) -> str:
    return f"{DISCOVERY}/{component}/belvedere_{broker}_{resource}/config"


def _write(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()
