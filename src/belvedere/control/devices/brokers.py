"""What somebody typed about an MQTT broker, checked. Pure."""

import re
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from django.utils.translation import gettext as _

from belvedere.contracts.brokers import MAX_TOPIC, BrokerLogin
from belvedere.control.core.errors import Invalid
from belvedere.control.devices.addresses import BrokerAddress, parse_broker_address

_MAX_CA: Final = 20_000
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerWish:
    """Where a broker is, how to get in, and whom to take for it.

    username, password  None: as they are, which is granted at the same broker alone (N26); "" where none is asked
    ca, fingerprint     None: as they are at the same address, nothing at another
    is_plain_ok         he knows that without TLS everybody on the way can read along
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

    def fill_in(self, kept: BrokerLogin | None = None) -> tuple[BrokerAddress, BrokerLogin]:
        """The broker as it will be: what is not wished for stays. Raises Invalid: a kept login does not travel."""
        address = parse_broker_address(self.address)
        there = BrokerLogin(host=address.host, port=address.port, is_tls=address.is_tls)
        known = kept or there
        is_there = (address.host, address.port, address.is_tls) == (known.host, known.port, known.is_tls)
        trusted = known if is_there else there
        login = BrokerLogin(
            host=address.host,
            port=address.port,
            is_tls=address.is_tls,
            username=trusted.username if self.username is None else self.username,
            password=known.password if self.password is None else self.password,
            ca=trusted.ca if self.ca is None else check_authorities(self.ca),
            fingerprint=trusted.fingerprint if self.fingerprint is None else check_fingerprint(self.fingerprint),
        )
        is_same = is_there and (login.username, login.ca, login.fingerprint) == (
            *(known.username, known.ca, known.fingerprint),
        )
        if self.password is None and known.password and not is_same:
            raise Invalid(_("Type the password again: the one that is kept goes to no other broker."), field="password")
        check_login(login, is_plain_ok=self.is_plain_ok or (is_there and kept is not None))
        return address, login


def check_login(login: BrokerLogin, *, is_plain_ok: bool) -> None:
    """Whether it can be one. Raises Invalid with the words a person needs."""
    if not login.is_tls and not is_plain_ok:
        raise Invalid(
            _("Without TLS everybody on the way reads the password and all that is said. Use mqtts://, or say so."),
            field="address",
        )
    for text, name in ((login.username, "username"), (login.password, "password")):
        if len(text) > 200 or not text.isprintable():
            raise Invalid(_("At most 200 printable characters fit here."), field=name)
    if login.password and not login.username:
        raise Invalid(_("A password needs a user."), field="username")


def check_topic(text: str, name: str, *, longest: int = MAX_TOPIC, is_part: bool = False) -> str:
    """One topic, whole: no wildcard, nothing of the broker's own. Raises Invalid for the field `name`.

    `is_part`: what stands before or between slashes, so its own at both ends go.
    """
    text = text.strip().strip("/") if is_part else text.strip()
    if not text or len(text) > longest or not text.isprintable() or set(text) & set("+#") or text.startswith("$"):
        raise Invalid(
            _("Type the whole topic: at most %(count)d characters, no + and no #.") % {"count": longest}, field=name
        )
    return text


def check_authorities(pem: str) -> str:
    """Certificates in PEM, or nothing. Raises Invalid."""
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


def check_fingerprint(text: str) -> str:
    """SHA-256 in hex, however it was written, or nothing. Raises Invalid."""
    found = text.strip().lower().replace(":", "").removeprefix("sha256")
    if found and not _FINGERPRINT.fullmatch(found):
        raise Invalid(_("A SHA-256 fingerprint has 64 hexadecimal digits."), field="fingerprint")
    return found
