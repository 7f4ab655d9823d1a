"""Looking an installation over: what is in order, what is not, and what to do about it. Changes nothing.

Here is what needs no database: folder, disk, keys, ports, origin, time. The planes add what they alone can see.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import ssl
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from belvedere.config import Settings
from belvedere.keyring import list_keys
from belvedere.supervisor.authority import CERTIFICATE
from belvedere.supervisor.front_door import find_caddy
from belvedere.supervisor.premises import MIN_FREE_MB, StartError, check_ports

#: below this a disk is named, though everything still works
LOW_MB: Final = 2000
#: a clock that is off by more is named; by more still, sign-in codes fail
OFF_S: Final = 1.0
WRONG_S: Final = 15.0
#: how far the newest word may lie ahead before the clock is to blame
_SLACK: Final = timedelta(minutes=2)


class Health(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, in a sentence; `remedy` says what to do, "" where nothing is to be done."""

    what: str
    health: Health
    says: str
    remedy: str = ""


def examine_premises(settings: Settings) -> list[Finding]:
    """Folder, disk, keys, ports, origin and time. Needs nothing that runs."""
    if not settings.data.is_dir():
        says = f"{settings.data} is not there: nothing was ever served from it"
        return [Finding("data", Health.BROKEN, says, "Start `belvedere serve`, or set BELVEDERE_DATA.")]
    return [
        *(
            _folder(settings),
            _disk(settings),
            _at_rest(settings),
            *_keys(settings),
            _ports(settings),
            _origin(settings),
        ),
        *([_door(settings)] if settings.https else []),
        _time(settings),
    ]


def is_served(settings: Settings) -> bool:
    """Whether a process serves this folder now."""
    with contextlib.suppress(OSError), (settings.data / "serve.lock").open("r", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _folder(settings: Settings) -> Finding:
    if mode := _open_to_others(settings.data):
        remedy = f"chmod 700 {settings.data}"
        return Finding("data", Health.BROKEN, f"{settings.data} is open to others ({mode})", remedy)
    return Finding("data", Health.OK, f"{settings.data} is yours alone")


def _disk(settings: Settings) -> Finding:
    free_mb = shutil.disk_usage(settings.data).free // 1_000_000
    health = Health.BROKEN if free_mb < MIN_FREE_MB else Health.WARNING if free_mb < LOW_MB else Health.OK
    remedy = "" if health is Health.OK else "Make room on that disk, or move the data folder to a larger one."
    return Finding("disk", health, f"{free_mb} MB are left on the disk of the data folder", remedy)


def _at_rest(settings: Settings) -> Finding:
    """Whether who carries the disk away can read it. Where the kernel does not say, nothing is claimed."""
    folders = {folder: is_encrypted(folder) for folder in (settings.data, settings.footage_folder) if folder.is_dir()}
    if bare := [str(folder) for folder, answer in folders.items() if answer is False]:
        says = f"{' and '.join(bare)} lie on no encrypted disk: whoever carries it away reads footage and names"
        return Finding("at rest", Health.WARNING, says, "Put them on a disk with LUKS, if the machine can be stolen.")
    if None in folders.values():
        return Finding("at rest", Health.OK, "not known: this file system does not say whether its disk is encrypted")
    return Finding("at rest", Health.OK, "the disk is encrypted")


def is_encrypted(folder: Path, blocks: Path = Path("/sys/dev/block")) -> bool | None:
    """Whether the disk below a folder is one of dm-crypt (LUKS); None: it is no block device, as of btrfs, ZFS, NFS."""
    device = folder.stat().st_dev
    block = blocks / f"{os.major(device)}:{os.minor(device)}"
    return _is_crypt(block) if block.exists() else None


def _is_crypt(block: Path) -> bool:
    """It, or all that it is made of: a volume of LVM lies on others."""
    uuid = block / "dm" / "uuid"
    if uuid.is_file() and uuid.read_text(encoding="ascii").startswith("CRYPT-"):
        return True
    below = list((block / "slaves").glob("*"))
    return bool(below) and all(_is_crypt(one) for one in below)


def _keys(settings: Settings) -> list[Finding]:
    ring = list_keys(settings.master_key_file)
    beside = sorted(settings.master_key_file.parent.glob("*.key"))
    files = [*(key.file for key in ring), *beside, *sorted((settings.data / "keys").rglob("*"))]
    open_ones = [file for file in dict.fromkeys(files) if file.is_file() and _open_to_others(file)]
    if open_ones:
        names = " ".join(str(file) for file in open_ones)
        return [Finding("keys", Health.BROKEN, f"others may read {names}", f"chmod 600 {names}")]
    if not ring:
        return [
            Finding(
                "keys",
                Health.WARNING,
                f"there is no master key at {settings.master_key_file}",
                "The first start makes it. If there are cameras already, put the old one back: no other opens them.",
            )
        ]
    return [Finding("keys", Health.OK, "only you can read the keys")]


def _open_to_others(path: Path) -> str:
    """The mode, if anybody but its owner may do anything; "" else."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"{mode:o}" if mode & 0o077 else ""


def _ports(settings: Settings) -> Finding:
    both = f"{settings.port} and {settings.media_port}"
    if is_served(settings):
        return Finding("ports", Health.OK, f"it is being served, on {both}")
    try:
        check_ports(settings)
    except StartError as error:
        return Finding("ports", Health.BROKEN, str(error), "Free it, or choose another, then start again.")
    return Finding("ports", Health.OK, f"{both} are free, and nothing is served now")


def _origin(settings: Settings) -> Finding:
    parts = urlsplit(settings.url)
    if parts.scheme == "https":
        return Finding("origin", Health.OK, f"{settings.url} is encrypted")
    if _is_loopback(parts.hostname or ""):
        return Finding("origin", Health.OK, f"{settings.url} is for this machine alone")
    says = f"{settings.url} is not encrypted: passwords and pictures can be read on the way"
    remedy = (
        f"Give it a front door: set BELVEDERE_HTTPS={parts.hostname} in place of BELVEDERE_URL, "
        f"or start `belvedere serve --https {parts.hostname}`."
    )
    return Finding("origin", Health.WARNING if settings.allow_http else Health.BROKEN, says, remedy)


def _door(settings: Settings) -> Finding:
    """Whether who comes to the front door gets a certificate that holds."""
    try:
        find_caddy()
    except StartError as error:
        return Finding("door", Health.BROKEN, str(error), "Install Belvedere from its lock, which brings it.")
    if not is_served(settings):
        return Finding("door", Health.OK, f"Caddy is there to answer for {settings.https}, once it is served")
    root = settings.door_folder / CERTIFICATE if settings.has_own_authority else None
    try:
        until = _meet(settings, root)
    except ssl.SSLError as error:
        says = f"{settings.https} shows no certificate that holds ({error.reason or type(error).__name__})"
        remedy = "Start it anew; the log says what is wrong with its own authority."
        if root is None:
            remedy = (
                f"Let the name lead to this machine, and its ports 80 and 443 here to {settings.http_port} and "
                f"{settings.https_port}: the authority asks by them. The log says what it answered."
            )
        return Finding("door", Health.BROKEN, says, remedy)
    except OSError as error:
        says = f"nobody answers on port {settings.https_port} ({(error.strerror or 'no answer').lower()})"
        return Finding("door", Health.BROKEN, says, "It is started again by itself; if it stays away, see the log.")
    whose = "its own authority, see /trust on each device" if root else "a public authority"
    return Finding("door", Health.OK, f"{settings.https} is vouched for by {whose}, until {until}")


def _meet(settings: Settings, root: Path | None) -> str:
    """Shake hands with our own front door as a browser would: until when its certificate is good.

    Raises ssl.SSLError for one that does not hold, OSError when nobody answers.
    """
    context = ssl.create_default_context(cafile=root)
    address = ("127.0.0.1", settings.https_port)
    with (
        socket.create_connection(address, timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=settings.https) as met,
    ):
        shown = met.getpeercert() or {}
    return str(shown.get("notAfter", "an unknown day"))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _time(settings: Settings) -> Finding:
    if not settings.ntp:
        return Finding("time", Health.OK, "not compared: BELVEDERE_NTP names no time server")
    try:
        ahead = ask_time(settings.ntp)
    except (OSError, ValueError) as error:
        says = f"not compared: {settings.ntp} did not say what time it is ({error})"
        return Finding("time", Health.WARNING, says, "Set BELVEDERE_NTP to a time server that can be reached.")
    if abs(ahead) <= OFF_S:
        return Finding("time", Health.OK, f"the clock is right to {max(abs(ahead), 0.001):.3f} s")
    health = Health.BROKEN if abs(ahead) > WRONG_S else Health.WARNING
    says = f"the clock is {abs(ahead):.1f} s {'fast' if ahead > 0 else 'slow'}"
    return Finding("time", health, says, "Let the machine keep its time by NTP: codes and ends need it.")


def ask_time(server: str) -> float:
    """How many seconds our clock is ahead of a time server's (`host` or `host:port`): one question of SNTP (RFC 4330).

    Raises OSError (nobody answers within two seconds), ValueError (the answer is none).
    """
    parts = urlsplit(f"//{server}")
    family, kind, _protocol, _name, peer = socket.getaddrinfo(
        parts.hostname, parts.port or 123, type=socket.SOCK_DGRAM
    )[0]
    nonce = secrets.token_bytes(8)  # stands where our time would: only who read the question can repeat it
    with socket.socket(family, kind) as asking:
        asking.settimeout(2)
        asking.connect(peer)  # nobody else's packet is taken
        sent_at = time.time()
        asking.send(bytes([0x23]).ljust(40, b"\0") + nonce)
        answer = asking.recv(512)
        came_at = time.time()
    if len(answer) < 48 or answer[0] & 7 != 4 or answer[24:32] != nonce:
        message = "that is no answer to what was asked"
        raise ValueError(message)
    if answer[0] >> 6 == 3 or not 1 <= answer[1] <= 15:
        message = "it does not know the time itself"
        raise ValueError(message)
    heard_at, said_at = _instant(answer[32:40]), _instant(answer[40:48])
    # The way there and the way back are taken to be equally long.
    return ((sent_at - heard_at) + (came_at - said_at)) / 2


def _instant(stamp: bytes) -> float:
    """Seconds since 1970 of an NTP timestamp, which counts from 1900, and since 7 February 2036 anew."""
    seconds, fraction = int.from_bytes(stamp[:4]), int.from_bytes(stamp[4:])
    return seconds + (0 if seconds >= 1 << 31 else 1 << 32) - 2_208_988_800 + fraction / (1 << 32)


def judge_database(
    settings: Settings,
    *,
    waiting: int | None,
    ahead: timedelta,
    nodes: int,
    cameras: Mapping[str, int],
    unreached: int,
    unopened: int,
    old_keys: Mapping[str, int],
    spare_keys: Sequence[str],
    old_nodes: Sequence[str],
) -> list[Finding]:
    """What control saw in the database: the database itself, the clock, the bus and the cameras behind it."""
    if waiting is None:
        says = "the database does not answer, or was never made"
        return [Finding("database", Health.BROKEN, says, "Start `belvedere serve`, or check BELVEDERE_DATABASE_URL.")]
    if waiting:
        says = f"the database is older than this version, by {waiting} steps"
        return [Finding("database", Health.BROKEN, says, "Run `belvedere migrate`; `serve` does it by itself.")]
    return [
        Finding("database", Health.OK, "the database answers and is of this version"),
        _clock(ahead),
        _bus(nodes, is_running=is_served(settings)),
        _reach(unreached),
        _cameras(cameras),
        _secrets(unopened, old_keys, spare_keys, old_nodes),
    ]


def _clock(ahead: timedelta) -> Finding:
    if ahead > _SLACK:
        says = f"the newest entry of the audit lies {ahead} in the future: the clock was set back"
        return Finding("clock", Health.BROKEN, says, "Let the machine keep its time by NTP: codes and ends need it.")
    return Finding("clock", Health.OK, "nothing was written in the future")


def _bus(nodes: int, *, is_running: bool) -> Finding:
    if nodes:
        return Finding("bus", Health.OK, f"{nodes} media nodes speak to it")
    if is_running:
        says = "it is being served, but no media node was heard for 15 seconds"
        return Finding("bus", Health.BROKEN, says, "See what `serve` says of bus and media.")
    return Finding("bus", Health.OK, "nothing is served now, so nobody speaks on it")


def _reach(unreached: int) -> Finding:
    if unreached:
        says = f"{unreached} organizations have cameras, but reach no network: none of them can be connected to"
        return Finding("reach", Health.BROKEN, says, "Set BELVEDERE_REACH, or their reach by `belvedere createowner`.")
    return Finding("reach", Health.OK, "every organization with cameras reaches a network")


def _cameras(cameras: Mapping[str, int]) -> Finding:
    count, offline = sum(cameras.values()), cameras.get("offline", 0)
    says = f"{count} cameras, {offline} of them offline when they were last heard of"
    remedy = "See *Devices* for what each of them says." if offline else ""
    return Finding("cameras", Health.WARNING if offline else Health.OK, says, remedy)


def _secrets(
    unopened: int, old_keys: Mapping[str, int], spare_keys: Sequence[str], old_nodes: Sequence[str]
) -> Finding:
    if unopened:
        says = "what the database keeps sealed does not open: its master key is another one, or missing"
        return Finding("secrets", Health.BROKEN, says, "Put back the files of keys that belong to this database.")
    if rests := sum(old_keys.values()):
        says = f"{rests} secrets are still sealed with an old master key ({', '.join(old_keys)})"
        return Finding("secrets", Health.WARNING, says, "The worker seals them anew: start `belvedere serve`.")
    if spare_keys:
        says = f"old master keys are kept that nothing names any more: {', '.join(spare_keys)}"
        return Finding("secrets", Health.WARNING, says, f"rm {' '.join(spare_keys)}")
    if old_nodes:
        says = f"media nodes go on with a key that they are to use no more: {', '.join(old_nodes)}"
        return Finding("secrets", Health.WARNING, says, "It takes seconds; then see what their logs say of `keys/`.")
    return Finding("secrets", Health.OK, "what is sealed opens, and rests on the newest master key")


def judge_footage(settings: Settings, fault: str) -> Finding:
    """The disk of recorded video: `fault` is what media found wrong with it."""
    folder = settings.footage_folder
    if fault:
        remedy = f"Mount the disk at {folder}; nothing is recorded until then, and live video goes on."
        return Finding("footage", Health.BROKEN, fault, remedy)
    if not folder.is_dir():
        return Finding("footage", Health.OK, f"{folder} is not there yet: the first start makes it")
    disk = shutil.disk_usage(folder)
    says = f"{disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB are left at {folder}"
    if disk.free < max(disk.total // 50, 1 << 30):
        remedy = "The oldest footage goes before its time. Keep it for fewer days, or give it a larger disk."
        return Finding("footage", Health.WARNING, says, remedy)
    return Finding("footage", Health.OK, says)


def judge_journal(settings: Settings, *, began_at: str, fault: str, missing: int, waiting: int) -> Finding:
    """The journal of what ended, without which a restored backup gives back what was taken."""
    folder = settings.journal_folder
    if fault:
        remedy = (
            f"Put back the journal of {folder} as it was, or set it aside: a new one begins, and with older backups "
            "every right waits for its owner."
        )
        return Finding("journal", Health.BROKEN, fault, remedy)
    if missing:
        says = f"{missing} changes of the last days are not in the journal at {folder}: it is older than the database"
        return Finding("journal", Health.BROKEN, says, "Put back the newest journal there is, and make a backup now.")
    if waiting:
        says = f"{waiting} losses of rights wait to be written to the journal at {folder}"
        return Finding("journal", Health.BROKEN, says, "Make room on its disk, or mount it: they follow by themselves.")
    if not began_at:
        return Finding("journal", Health.OK, "nothing ended yet: the journal begins when something does")
    if _open_to_others(folder):
        return Finding("journal", Health.BROKEN, f"{folder} is open to others", f"chmod 700 {folder}")
    return Finding("journal", Health.OK, f"it is whole, and kept since {began_at[:10]} at {folder}")


def judge_codecs(missing: Sequence[str]) -> Finding:
    """What media found in its FFmpeg."""
    if missing:
        says = f"this build of FFmpeg cannot read {', '.join(missing)}"
        return Finding("codecs", Health.BROKEN, says, "Install PyAV from its wheel, which brings them.")
    return Finding("codecs", Health.OK, "FFmpeg reads what cameras send")
