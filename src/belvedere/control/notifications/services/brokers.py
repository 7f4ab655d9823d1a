"""Brokers: home automations of somebody's that are told over MQTT."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.brokers import BrokerLogin
from belvedere.contracts.camera_events import EventKind
from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NetworkNotAllowed, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.core.limits import hit
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.devices.addresses import BrokerAddress
from belvedere.control.devices.brokers import BrokerWish, check_topic
from belvedere.control.notifications import egress
from belvedere.control.notifications.audience import list_standing
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.models import Broker, BrokerThing
from belvedere.control.notifications.parcels import KINDS
from belvedere.control.notifications.publishing import open_login, seal_login
from belvedere.control.outbox.services import enqueue, enqueue_many

MAX_BROKERS: Final = 3
_MAX_PREFIX: Final = 90
#: What was announced is looked at so many at a time.
_AT_ONCE: Final = 500
#: A broker that was away when it was to forget something is asked anew after so long, when the outbox has given it up;
#: sooner, once it answers again. Not for ever: whoever answers nothing for three days is switched off.
ASKED_ANEW: Final = timedelta(hours=2)


@unguarded("the actor's own; what it is told is decided each time")
def create_broker(
    actor: Principal, *, name: str, broker: BrokerWish, prefix: str = "belvedere", is_announced: bool = True
) -> str:
    """Tell a broker what the actor is told, below `prefix`; its id. `is_announced`: to Home Assistant, too.

    Raises ReauthenticationRequired, Invalid, NetworkNotAllowed (no packet sent), RateLimited.
    """
    require_fresh(actor)
    name = clean_name(name)
    prefix = check_topic(prefix, "prefix", longest=_MAX_PREFIX, is_part=True)
    address, login = _check(actor, broker, None)
    pk = new_id()
    with transaction.atomic():
        if Broker.objects.filter(account=actor.id).count() >= MAX_BROKERS:
            raise Invalid(_("Three brokers are the most. Remove one first."))
        Broker.objects.create(
            id=pk,
            account_id=actor.id,
            name=name,
            login=seal_login(login, pk),
            shown_address=address.shown,
            prefix=prefix,
            is_announced=is_announced,
            created_at=clock.now(),
        )
        _write(actor, "broker.created", pk, name)
    return pk


@unguarded("the actor's own")
def change_broker(
    actor: Principal,
    *,
    broker: str,
    name: str | None = None,
    wish: BrokerWish | None = None,
    is_enabled: bool | None = None,
) -> None:
    """What is None stays; a kept password goes to no other broker (N26). Switched on again, it begins anew.

    Raises as `create_broker`, and NotFound.
    """
    require_fresh(actor)
    row, changes = _get(actor, broker), dict[str, Any]()
    if name is not None:
        changes["name"] = clean_name(name)
    if wish is not None:
        address, login = _check(actor, wish, open_login(row))
        changes |= {"shown_address": address.shown, "login": seal_login(login, row.pk)}
    if is_enabled is not None:
        changes["disabled_at"] = None if is_enabled else row.disabled_at or clock.now()
    if is_enabled or wish is not None:
        changes |= {"failures": 0, "failing_since": None}
    with transaction.atomic():
        # A name was looked up meanwhile: what was removed stays removed, and what the courier wrote stays written.
        if changes and not Broker.objects.filter(pk=row.pk).update(**changes):
            raise NotFound
        if wish is not None or is_enabled is False:
            _leave(row)
        if is_enabled or wish is not None:
            # What it was to forget while it was off, or was another, it is told now.
            BrokerThing.objects.filter(broker=row.pk).update(look_at=clock.now())
        _write(actor, "broker.changed", row.pk, changes.get("name", row.name))


@unguarded("the actor's own")
@transaction.atomic
def remove_broker(actor: Principal, *, broker: str) -> None:
    """Tell it nothing more, and forget its login. Raises NotFound."""
    row = _get(actor, broker)
    _leave(row)
    row.delete()
    _write(actor, "broker.removed", broker, row.name)


@unguarded("the actor's own")
@transaction.atomic
def send_broker_test(actor: Principal, *, broker: str) -> None:
    """Tell it something. Raises NotFound, Invalid (it is off), RateLimited."""
    row = _get(actor, broker)
    if row.disabled_at is not None:
        raise Invalid(_("Switch it on first."))
    hit("notifications.test", actor.id, limit=6, per_s=60)
    enqueue_many(KINDS[Channel.MQTT], [({"notification": "", "to": row.pk}, row.pk)])


@unguarded("the worker's own housekeeping: what was announced is decided again (N33)")
def take_back_announced() -> None:
    """Have brokers forget cameras and panels whose owners of brokers may not be told of them any more.

    Of what may be known it is known when to look next: see `taking_back`.
    """
    due = BrokerThing.objects.filter(look_at__lte=clock.now(), broker__disabled_at=None).select_related("broker")
    while rows := list(due.order_by("look_at")[:_AT_ONCE]):
        # Whoever is told of anything there is told of motion; a share that he muted is still his.
        asked = {row.pk: (row.broker.account_id, row.resource, EventKind.MOTION.value) for row in rows}
        until = list_standing(set(asked.values()))
        for row in rows:
            _keep_or_take_back(row, until.get(asked[row.pk]))


@transaction.atomic
def _keep_or_take_back(row: BrokerThing, until: float | None) -> None:
    """It may be known until then at least; None: not now."""
    # Claimed: of two workers that look at once, one tells.
    claim = BrokerThing.objects.filter(pk=row.pk, look_at=row.look_at)
    if until is not None:
        claim.update(taken_back_at=None, look_at=None if until == inf else datetime.fromtimestamp(until, UTC))
    elif claim.update(taken_back_at=clock.now(), look_at=clock.now() + ASKED_ANEW):
        payload = {"notification": "", "to": row.broker_id, "forget": row.resource}
        enqueue_many(KINDS[Channel.MQTT], [(payload, row.broker_id)])


@unguarded("what a broker confirmed")
def note_forgotten(things: Collection[tuple[str, str]]) -> None:
    """These brokers have forgotten these cameras and panels. What was announced anew meanwhile stays known."""
    for broker, resource in things:
        BrokerThing.objects.filter(broker=broker, resource=resource, taken_back_at__isnull=False).delete()


def _leave(row: Broker) -> None:
    """No backup has it told again as it was told before."""
    enqueue("lost.target", {"broker": row.pk})


def _get(actor: Principal, broker: str) -> Broker:
    row = Broker.objects.filter(pk=broker, account=actor.id).first()
    if row is None:
        raise NotFound
    return row


def _check(actor: Principal, wish: BrokerWish, kept: BrokerLogin | None) -> tuple[BrokerAddress, BrokerLogin]:
    hit("broker.address", actor.id, limit=30, per_s=3600)
    address, login = wish.fill_in(kept)
    try:
        egress.resolve_host(login.host, login.port, secure=login.is_tls)
    except egress.NotReachable:
        raise NetworkNotAllowed from None
    return address, login


def _write(actor: Principal, action: str, broker: str, name: str) -> None:
    write_entry(actor=actor, action=action, thing=f"broker:{broker}", name=name)
