"""Web push: what is pushed is encrypted for one browser (RFC 8291), and says whose server it comes from (RFC 8292)."""

import base64
import json
import time
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from py_vapid import Vapid02

from belvedere.control.core.signing import key_file
from belvedere.keyring import Key, current_key, find_key

#: Push services throw away what they could not hand over for so long.
TTL_S: Final = 3600
#: Of the services that browsers bring along. Others only inside networks that the operator named.
HOSTS: Final = ("fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com")
#: the name of the key
KEY: Final = "vapid"
#: The order of P-256's group: a private key is a number below it.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_GOOD_FOR_S: Final = 12 * 3600
_SIGN_EVERY_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a browser is pushed to, and what it gave to encrypt for it."""

    endpoint: str
    p256dh: str
    auth: str
    #: which key of ours it subscribed with: it takes pushes of that one alone
    key: str = "k1"

    def __repr__(self) -> str:
        """Keep what pushes out of tracebacks."""
        return "Browser(…)"


def write_browser(browser: Browser) -> str:
    """As it is sealed."""
    return json.dumps([browser.endpoint, browser.p256dh, browser.auth, browser.key])


def read_browser(text: str) -> Browser:
    """As it was sealed."""
    return Browser(*json.loads(text))


def is_push_service(host: str) -> bool:
    """Whether this is one of the services that browsers bring along."""
    return any(host == known or host.endswith(f".{known}") for known in HOSTS)


def shows_each(host: str) -> bool:
    """Whether browsers of this service must show something for each push, or are unsubscribed: none is taken back."""
    return host == "push.apple.com" or host.endswith(".push.apple.com")


def tag_of(resource: str, kind: str) -> str:
    """Under which a browser shows it: the next of its kind there takes its place."""
    return f"{resource}.{kind}"


def is_well_formed(browser: Browser) -> bool:
    """Whether its keys are keys: a point of P-256, and 16 bytes."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(browser.p256dh))
        return len(_bytes(browser.auth)) == 16
    except ValueError:
        return False


def public_key() -> str:
    """This server's, as browsers want it: base64url."""
    return _text(_open(_current().file).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def current_key_id() -> str:
    """The key that browsers subscribe with now."""
    return _current().id


def encrypt(browser: Browser, payload: dict[str, Any]) -> bytes:
    """The body of a push, a single record of at most 4 kB."""
    body: bytes = http_ece.encrypt(
        json.dumps(payload, ensure_ascii=False).encode(),
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=_bytes(browser.p256dh),
        auth_secret=_bytes(browser.auth),
        version="aes128gcm",
    )
    return body


def headers_for(browser: Browser) -> dict[str, str]:
    """What goes with the body. The signature is of the service, and is made once an hour."""
    parts = urlsplit(browser.endpoint)
    hour = int(time.time()) // _SIGN_EVERY_S
    return {
        "Authorization": _sign(_key_of(browser), f"{parts.scheme}://{parts.netloc}", hour),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_S),
        "Urgency": "high",
    }


@lru_cache(maxsize=64)
def _sign(key: Path, audience: str, hour: int) -> str:
    claims = {
        "aud": audience,
        "exp": hour * _SIGN_EVERY_S + _GOOD_FOR_S,
        "sub": settings.BELVEDERE.url if settings.IS_HTTPS else "mailto:belvedere@localhost",
    }
    return str(Vapid02(_open(key)).sign(claims)["Authorization"])


def _current() -> Key:
    return current_key(key_file(KEY))


def _key_of(browser: Browser) -> Path:
    """Once it is gone, the push service refuses any other, and its browser has to come by."""
    key = find_key(key_file(KEY), browser.key)
    return key.file if key is not None and key.file.exists() else _current().file


@cache
def _open(file: Path) -> ec.EllipticCurvePrivateKey:
    """32 bytes of chance as a number from 1 to the order less 1."""
    number = int.from_bytes(file.read_bytes()) % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
