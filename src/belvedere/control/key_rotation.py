"""Rotating the keys of this installation, and sealing anew what the master keys before had sealed (threats §8).

A rotation is a new file, and of a media node the word that its key is unwanted; everything after it is housekeeping
that can stop anywhere and be gone on with. The keys before it go when nothing rests on them: a master key when no row
names it, the key of pushes when every browser has come by, that of signatures at once, but for its public half.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models, transaction
from django.db.models import F

from belvedere.control.audit import heads
from belvedere.control.core import clock, signing
from belvedere.control.core.principal import Principal
from belvedere.control.core.vault import SealBroken, key_of, list_master_keys, seal, unseal
from belvedere.control.devices.models import Detector, Device, MediaNode
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER
from belvedere.control.handover import report_seal
from belvedere.control.notifications import web_push
from belvedere.control.notifications.models import Broker, PushSubscription, Webhook
from belvedere.control.organizations.services import announce
from belvedere.control.recordings import manifests
from belvedere.keyring import Key, add_key, drop_drafts, list_keys

log = structlog.get_logger(__name__)

MASTER: Final = "master"
DJANGO: Final = "django"
#: on the nodes themselves: they are told, and make it
MEDIA: Final = "media"
SIGNING: Final = (manifests.KEY, heads.KEY, report_seal.KEY)
#: every name, and what its keys are for
PURPOSES: Final = {
    MASTER: "seals camera passwords, second factors, and where to push and call",
    DJANGO: "signs links in mails, and places in lists",
    manifests.KEY: "signs exports and incident bundles",
    heads.KEY: "signs the heads of the audit",
    report_seal.KEY: "signs reports",
    web_push.KEY: "says to push services who we are",
    MEDIA: "opens what media nodes are sent: the ways into cameras",
}
_BATCH: Final = 100
#: whoever sealed with the key before, an instant ago, has committed by then
_SETTLED_AFTER: Final = timedelta(days=1)
_DJANGO_COUNTS_FOR: Final = timedelta(days=7)
#: nobody is making a key for so long
_DRAFTS_STAY: Final = timedelta(hours=1)
#: a browser that nobody opened for so long is pushed to no more
_BROWSERS_COME_WITHIN: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class SealedField:
    """Where sealed text stands: a column, or a key of a JSON column; and what it is bound to."""

    model: type[models.Model]
    column: str
    table: str
    field: str
    key: str = ""
    is_bound_to_row: bool = True

    @property
    def lookup(self) -> str:
        """For filters."""
        return f"{self.column}__{self.key}" if self.key else self.column

    def place(self, row: models.Model) -> dict[str, str]:
        """What the text of this row is bound to."""
        return {"table": self.table, "row": str(row.pk) if self.is_bound_to_row else "", "field": self.field}

    def read(self, row: models.Model) -> str:
        """The sealed text of this row."""
        value = getattr(row, self.column)
        return str(value[self.key] if self.key else value)

    def write(self, row: models.Model, text: str) -> None:
        """Another sealed text in its place."""
        value: Any = getattr(row, self.column) | {self.key: text} if self.key else text
        self.rows.filter(pk=row.pk).update(**{self.column: value})

    @property
    def rows(self) -> "models.QuerySet[Any]":
        """All rows of its table."""
        return self.model._default_manager.all()  # noqa: SLF001  Django's public spelling


#: Everything that rests sealed; a test holds it against all that seals. Seeds on offer in a session are not here: where
#: they do not open any more, another one is offered.
SEALED: Final = (
    SealedField(Device, "source", "device", "source"),
    SealedField(Detector, "source", "detector", "source"),
    SealedField(PushSubscription, "keys", "push_subscription", "keys"),
    SealedField(Webhook, "url", "webhook", "url"),
    SealedField(Webhook, "secret", "webhook", "secret"),
    SealedField(Webhook, "former_secret", "webhook", "former_secret"),
    SealedField(Broker, "login", "broker", "login"),
    SealedField(Authenticator, "data", "mfa_authenticator", "secret", key="secret", is_bound_to_row=False),
    SealedField(Authenticator, "data", "mfa_authenticator", "secret", key="seed", is_bound_to_row=False),
)


class KeyView(NamedTuple):
    """One key file, or one media node. `rows`: how many rows name it; None where nothing in the database does."""

    name: str
    id: str
    since: datetime
    is_current: bool
    rows: int | None


class Progress(NamedTuple):
    """So many rows were sealed anew so far; so many did not open with the key that they name, and stay as they are."""

    resealed: int
    broken: int


def describe_keys() -> list[KeyView]:
    """Every key file of every ring, oldest first; then the key of each media node, in use unless it is unwanted."""
    counts = {MASTER: count_sealed(), web_push.KEY: _count_browsers()}
    found = []
    for name in [name for name in PURPOSES if name != MEDIA]:
        ring = list_keys(_first(name))
        for key in ring:
            label = signing.id_of_file(key) if name in SIGNING else key.id
            rows = counts[name][key.id] if name in counts else None
            found.append(KeyView(name, label, key.since, key is ring[-1], rows))
    for node in MediaNode.objects.order_by("pk"):
        label = f"{node.pk}:{signing.id_of(node.public_key.encode())}"
        found.append(KeyView(MEDIA, label, node.key_since, node.public_key != node.unwanted_key, None))
    return found


def count_sealed() -> Counter[str]:
    """How many sealed texts name which master key, whether its file is there or not."""
    found: Counter[str] = Counter()
    for field in SEALED:
        texts = field.rows.filter(**{f"{field.lookup}__startswith": "k"}).values_list(field.lookup, flat=True)
        found.update(key_of(text) for text in texts.iterator())
    return found


def count_old_keys() -> dict[str, int]:
    """How many rows name each master key before the one in use. Asks the database only where there is one."""
    old = list_master_keys()[:-1]
    named = count_sealed() if old else Counter()
    return {key.id: named[key.id] for key in old}


def list_spare_keys() -> list[str]:
    """Files of master keys that nothing names any more, and that the worker could not remove in twice its time."""
    named = count_old_keys()
    if not named or clock.now() - list_master_keys()[-1].since < 2 * _SETTLED_AFTER:
        return []
    return [str(key.file) for key in list_master_keys()[:-1] if not named[key.id]]


def list_old_nodes() -> list[str]:
    """Names of live media nodes that go on with a key that they are to use no more."""
    live = MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER)
    return list(live.filter(unwanted_key=F("public_key")).order_by("pk").values_list("pk", flat=True))


def count_unopened() -> int:
    """Of how many kinds of sealed text the first does not open: it tells a wrong key file, or one that is missing."""
    found = 0
    for field in SEALED:
        row = field.rows.filter(**{f"{field.lookup}__startswith": "k"}).order_by("pk").first()
        try:
            if row is not None:
                unseal(field.read(row), **field.place(row))
        except SealBroken:
            found += 1
    return found


@transaction.atomic
def rotate(actor: Principal, names: Iterable[str]) -> list[str]:
    """Put a new key into use for each of these names, written into the audit and told to owners; the names.

    What the master key before sealed is sealed anew by `reseal`, which any process may do. A media node hears at its
    next hello that its key is unwanted. Raises OSError where the folder of keys cannot be written.
    """
    chosen = [name for name in PURPOSES if name in set(names)]
    said = ", ".join(chosen)
    announce(actor, action="keys.rotated", what="keys_rotated", detail=said, name=said)
    for name in chosen:
        if name in SIGNING:
            signing.rotate(name)
        elif name == MEDIA:
            MediaNode.objects.update(unwanted_key=F("public_key"))
        else:
            add_key(_first(name))
    return chosen


def reseal() -> Iterator[Progress]:
    """Seal with the newest master key whatever an older one sealed, a hundred rows at a time, each batch whole."""
    resealed = broken = 0
    for old in list_master_keys()[:-1]:
        for field in SEALED:
            last: Any = None
            while batch := _reseal_batch(field, old, last):
                last, done, stuck = batch
                resealed, broken = resealed + done, broken + stuck
                yield Progress(resealed, broken)


@transaction.atomic
def _reseal_batch(field: SealedField, old: Key, after: Any) -> tuple[Any, int, int] | None:
    """The next rows after this one: the last of them, how many were done, how many do not open. None: no more."""
    rows = field.rows.filter(**{f"{field.lookup}__startswith": f"{old.id}."})
    if after is not None:
        rows = rows.filter(pk__gt=after)
    # Held until we commit: a password or a spent code that is written meanwhile waits, and is not written over.
    found = list(rows.select_for_update().order_by("pk")[:_BATCH])
    if not found:
        return None
    broken = 0
    for row in found:
        place = field.place(row)
        try:
            field.write(row, seal(unseal(field.read(row), **place), **place))
        except SealBroken:
            broken += 1
    return found[-1].pk, len(found) - broken, broken


def settle_keys() -> None:
    """Go on with what a rotation began, and drop the keys that nothing rests on any more.

    The worker's own housekeeping; instant where nothing was rotated.
    """
    try:
        drop_drafts(_first(MASTER).parent, before=clock.now() - _DRAFTS_STAY)
        for name in SIGNING:
            signing.retire_old(name)
        _settle_master()
        _settle(DJANGO, Counter(), _DJANGO_COUNTS_FOR)
        if list_keys(_first(web_push.KEY))[:-1]:
            _settle(web_push.KEY, _count_browsers(), _BROWSERS_COME_WITHIN)
    except OSError as error:
        # The keys lie where this user may not write: `doctor` says what is to be done.
        log.warning("keys_not_settled", error=type(error).__name__)


def _settle_master() -> None:
    keys = list_master_keys()
    if not keys[:-1]:
        return
    for _progress in reseal():
        pass
    if clock.now() - keys[-1].since > _SETTLED_AFTER:
        named = count_sealed()
        for key in keys[:-1]:
            if not named[key.id]:
                key.file.unlink(missing_ok=True)


def _settle(name: str, named: Counter[str], patience: timedelta) -> None:
    keys = list_keys(_first(name))
    for key, successor in pairwise(keys):
        age = clock.now() - successor.since
        if age > patience or (name == web_push.KEY and age > _SETTLED_AFTER and not named[key.id]):
            key.file.unlink(missing_ok=True)


def _first(name: str) -> Path:
    """Where the first key of a ring lies, or lay."""
    file: Path = settings.BELVEDERE.master_key_file
    return file if name == MASTER else signing.key_file(name)


def _count_browsers() -> Counter[str]:
    """How many browsers subscribed with which key of ours."""
    found: Counter[str] = Counter()
    for pk, keys in PushSubscription.objects.values_list("pk", "keys").iterator():
        try:
            found[web_push.read_browser(unseal(keys, table="push_subscription", row=pk, field="keys")).key] += 1
        except SealBroken:
            continue
    return found
