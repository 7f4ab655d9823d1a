"""What somebody typed about a panel: checked, and as it is kept sealed. Pure: text in, text out."""

import json
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from django.utils.translation import gettext as _

from belvedere.contracts.brokers import MAX_TOPIC
from belvedere.contracts.panels import PanelSource
from belvedere.contracts.reach import Network
from belvedere.control.core.errors import Invalid
from belvedere.control.devices.addresses import BrokerAddress, parse_broker_address

#: when people are asked for a code
CODES: Final = ("never", "disarm", "always")
_MAX_CA: Final = 20_000
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerWish:
    """Where a bound panel's broker is from now on, how to get in, and whom to take for it.

    username, password  None: as they are, which is granted at the same broker alone (N26); "" where none is asked
    ca, fingerprint     None: as they are at the same address, nothing at another
    """

    address: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    fingerprint: str | None = None
    is_plain_ok: bool = False

    def __repr__(self) -> str:
        """Keep credentials out of tracebacks."""
        return "BrokerWish(…)"

    def fill_in(self, kept: PanelSource) -> tuple[BrokerAddress, PanelWish]:
        """The panel as it will be: what is not wished for stays. Raises Invalid: a kept login does not travel."""
        address = parse_broker_address(self.address)
        is_there = (address.host, address.port, address.is_tls) == (kept.host, kept.port, kept.is_tls)
        known_ca, known_fingerprint = (kept.ca, kept.fingerprint) if is_there else ("", "")
        address, wish = check_wish(
            PanelWish(
                address=self.address,
                username=kept.username if self.username is None else self.username,
                password=kept.password if self.password is None else self.password,
                state_topic=kept.state_topic,
                command_topic=kept.command_topic,
                availability_topic=kept.availability_topic,
                ca=known_ca if self.ca is None else self.ca,
                fingerprint=known_fingerprint if self.fingerprint is None else self.fingerprint,
                is_plain_ok=self.is_plain_ok or is_there,
            )
        )
        is_same = is_there and (wish.username, wish.ca, wish.fingerprint) == (kept.username, kept.ca, kept.fingerprint)
        if self.password is None and kept.password and not is_same:
            raise Invalid(_("Type the password again: the one that is kept goes to no other broker."), field="password")
        return address, wish


def check_wish(wish: PanelWish) -> tuple[BrokerAddress, PanelWish]:
    """The broker's address, and the wish with its texts in order. Raises Invalid with the words a person needs."""
    address = parse_broker_address(wish.address)
    if not address.is_tls and not wish.is_plain_ok:
        raise Invalid(
            _("Without TLS everybody on the way reads the password and the code. Use mqtts://, or say that you know."),
            field="address",
        )
    for text, name in ((wish.username, "username"), (wish.password, "password")):
        if len(text) > 200 or not text.isprintable():
            raise Invalid(_("At most 200 printable characters fit here."), field=name)
    if wish.password and not wish.username:
        raise Invalid(_("A password needs a user."), field="username")
    if wish.code not in CODES:
        raise Invalid(_("Choose when the panel asks for a code."), field="code")
    topics = {name: _topic(getattr(wish, name), name) for name in ("state_topic", "command_topic")}
    available = _topic(wish.availability_topic, "availability_topic") if wish.availability_topic.strip() else ""
    if len({*topics.values(), available}) != 3:
        raise Invalid(_("Each topic has one use."), field="command_topic")
    checked = PanelWish(
        address=wish.address,
        state_topic=topics["state_topic"],
        command_topic=topics["command_topic"],
        availability_topic=available,
        username=wish.username,
        password=wish.password,
        ca=_authorities(wish.ca),
        fingerprint=_fingerprint(wish.fingerprint),
        code=wish.code,
        is_plain_ok=wish.is_plain_ok,
    )
    return address, checked


def _topic(text: str, name: str) -> str:
    """One topic, whole: no wildcard, nothing of the broker's own."""
    text = text.strip()
    if not text or len(text) > MAX_TOPIC or not text.isprintable() or set(text) & set("+#") or text.startswith("$"):
        raise Invalid(
            _("Type the whole topic: at most %(count)d characters, no + and no #.") % {"count": MAX_TOPIC}, field=name
        )
    return text


def _authorities(pem: str) -> str:
    pem = pem.strip()
    if not pem:
        return ""
    try:
        found = x509.load_pem_x509_certificates(pem.encode()) if len(pem) <= _MAX_CA else []
    except ValueError:
        found = []
    if not found:
        raise Invalid(_("That is no certificate in PEM."), field="ca")
    return pem


def _fingerprint(text: str) -> str:
    found = text.strip().lower().replace(":", "").removeprefix("sha256")
    if found and not _FINGERPRINT.fullmatch(found):
        raise Invalid(_("A SHA-256 fingerprint has 64 hexadecimal digits."), field="fingerprint")
    return found


def panel_identities(address: BrokerAddress, literals: list[str], command_topic: str) -> list[str]:
    """What a panel is known by while it is bound: where its broker is, and where it hears (VA 1)."""
    return [f"mqtt|{literal}|{address.port}|{command_topic}" for literal in literals]


def write_panel(address: BrokerAddress, wish: PanelWish) -> str:
    """As it is sealed."""
    return json.dumps(
        {
            "host": address.host,
            "port": address.port,
            "is_tls": address.is_tls,
            "username": wish.username,
            "password": wish.password,
            "state_topic": wish.state_topic,
            "command_topic": wish.command_topic,
            "availability_topic": wish.availability_topic,
            "ca": wish.ca,
            "fingerprint": wish.fingerprint,
        },
        sort_keys=True,
    )


def read_panel(text: str, networks: list[Network]) -> PanelSource:
    """As a node gets it."""
    return PanelSource(networks=networks, **json.loads(text))
