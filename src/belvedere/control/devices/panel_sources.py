"""What somebody typed about a panel: checked, and as it is kept sealed. Pure: text in, text out."""

import json
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
from django.utils.translation import gettext as _

from belvedere.contracts.brokers import BrokerLogin
from belvedere.contracts.panels import PanelSource
from belvedere.contracts.reach import Network
from belvedere.control.core.errors import Invalid
from belvedere.control.devices.addresses import BrokerAddress
from belvedere.control.devices.brokers import BrokerWish, check_topic

#: when people are asked for a code
CODES: Final = ("never", "disarm", "always")


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelWish:
    """A panel as somebody typed it. `is_plain_ok`: he knows that without TLS everybody on the way can read along."""

    address: str
    state_topic: str
    command_topic: str
    availability_topic: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    fingerprint: str = ""
    code: str = "disarm"
    is_plain_ok: bool = False

    def __repr__(self) -> str:
        """Keep credentials out of tracebacks."""
        return "PanelWish(…)"


def check_wish(wish: PanelWish) -> tuple[BrokerAddress, BrokerLogin, PanelWish]:
    """The broker, and the wish with its topics in order. Raises Invalid with the words a person needs."""
    address, login = BrokerWish(
        address=wish.address,
        username=wish.username,
        password=wish.password,
        ca=wish.ca,
        fingerprint=wish.fingerprint,
        is_plain_ok=wish.is_plain_ok,
    ).fill_in()
    if wish.code not in CODES:
        raise Invalid(_("Choose when the panel asks for a code."), field="code")
    state, command = (check_topic(getattr(wish, name), name) for name in ("state_topic", "command_topic"))
    available = check_topic(wish.availability_topic, "availability_topic") if wish.availability_topic.strip() else ""
    if len({state, command, available}) != 3:
        raise Invalid(_("Each topic has one use."), field="command_topic")
    return address, login, replace(wish, state_topic=state, command_topic=command, availability_topic=available)


def panel_identities(address: BrokerAddress, literals: list[str], command_topic: str) -> list[str]:
    """What a panel is known by while it is bound: where its broker is, and where it hears (VA 1)."""
    return [f"mqtt|{literal}|{address.port}|{command_topic}" for literal in literals]


def write_panel(login: BrokerLogin, topics: PanelWish | PanelSource) -> str:
    """As it is sealed."""
    return json.dumps(
        {
            **msgspec.to_builtins(login),
            "state_topic": topics.state_topic,
            "command_topic": topics.command_topic,
            "availability_topic": topics.availability_topic,
        },
        sort_keys=True,
    )


def read_panel(text: str, networks: list[Network]) -> PanelSource:
    """As a node gets it."""
    return PanelSource(networks=networks, **json.loads(text))
