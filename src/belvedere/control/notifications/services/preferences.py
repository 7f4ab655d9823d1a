"""How one wants to be told: one's own choice, of which nobody else reads anything."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.hours import validate_hours
from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.limits import hit
from belvedere.control.core.matters import OF_ACCOUNT
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.audience import list_allowed
from belvedere.control.notifications.channels import Channel, read_channels, write_channels
from belvedere.control.notifications.mails import read_unsubscribe_token
from belvedere.control.notifications.models import Broker, Preference, PushSubscription, Quiet, Webhook
from belvedere.control.notifications.parcels import KINDS
from belvedere.control.notifications.selectors.choices import ANY_KIND, Choice
from belvedere.control.outbox.services import enqueue_many

MAX_CHOICES: Final = 500
LONGEST_SNOOZE: Final = timedelta(days=30)


class AsIs(Enum):
    """What is not to be changed, where None has a meaning."""

    AS_IS = "as_is"


AS_IS: Final = AsIs.AS_IS


@unguarded("the actor's own wishes, each by its service")
@transaction.atomic
def change_preferences(
    actor: Principal,
    *,
    choices: Collection[Choice] = (),
    dropped: Collection[tuple[str, str]] = (),
    quiet: Mapping[str, Any] | AsIs | None = AS_IS,
    snooze_until: datetime | AsIs | None = AS_IS,
) -> None:
    """Several of them at once, or none: see `choose_channels`, `set_quiet_hours`, `snooze`."""
    if choices or dropped:
        choose_channels(actor, choices=choices, dropped=dropped)
    if not isinstance(quiet, AsIs):
        set_quiet_hours(actor, hours=quiet)
    if not isinstance(snooze_until, AsIs):
        snooze(actor, until=snooze_until)


@unguarded("the actor's own wishes; a camera is named only by who may be told of it")
@transaction.atomic
def choose_channels(
    actor: Principal, *, choices: Collection[Choice], dropped: Collection[tuple[str, str]] = ()
) -> None:
    """By which channels of what: (resource "", kind "") is of everything. `dropped` choices leave it to the wider ones.

    Raises NotFound for a camera or panel that the actor is not told of, Invalid for too many.
    """
    resources = {choice.resource for choice in choices if choice.resource}
    allowed = list_allowed([(actor.id, resource, ANY_KIND) for resource in resources], is_muted=False)
    if len(allowed) < len(resources):
        raise NotFound
    own = Preference.objects.filter(account=actor.id)
    for resource, kind in dropped:
        own.filter(resource=resource, kind=kind).delete()
    for choice in choices:
        Preference.objects.update_or_create(
            account_id=actor.id,
            resource=choice.resource,
            kind=choice.kind,
            defaults={"channels": write_channels(choice.channels)},
        )
    if own.count() > MAX_CHOICES:
        raise Invalid(_("That is more than anybody can keep in mind. Choose for all cameras, and the exceptions."))
    _write(actor, "notifications.chosen")


@unguarded("the actor's own peace")
@transaction.atomic
def set_quiet_hours(actor: Principal, *, hours: Mapping[str, Any] | None) -> None:
    """At which hours nothing is pushed or mailed; None: at none. Raises Invalid."""
    try:
        text = validate_hours(dict(hours)) if hours else ""
    except ValueError:
        raise Invalid(
            _("Quiet hours are days with a beginning, an end after it, and a time zone."), field="quiet"
        ) from None
    Quiet.objects.update_or_create(account_id=actor.id, defaults={"hours": text})
    _write(actor, "notifications.quiet_set")


@unguarded("the actor's own peace")
@transaction.atomic
def snooze(actor: Principal, *, until: datetime | None) -> None:
    """Push and mail nothing until then; None: go on. Raises Invalid for the past and for more than a month."""
    at = clock.now()
    if until is not None and not at < until <= at + LONGEST_SNOOZE:
        raise Invalid(_("Choose an instant within the next thirty days."), field="snooze_until")
    Quiet.objects.update_or_create(account_id=actor.id, defaults={"snooze_until": until})
    _write(actor, "notifications.snoozed" if until else "notifications.woken")


@unguarded("proven by the token in a mail that was sent to the account; it stops mails, and does nothing else")
@transaction.atomic
def stop_mails(actor: Principal, *, token: str) -> None:
    """No mails about what happens, whoever is signed in here. A second time is harmless. Raises NotFound."""
    account = read_unsubscribe_token(token)
    person = get_persons([account]).get(account) if account else None
    if person is None:
        raise NotFound
    own = Preference.objects.select_for_update().filter(account=person.id).exclude(kind__in=OF_ACCOUNT)
    mailed = [row for row in own if Channel.MAIL in read_channels(row.channels)]
    for row in mailed:
        row.channels = write_channels(read_channels(row.channels) - {Channel.MAIL})
        row.save(update_fields=["channels"])
    if mailed:
        _write(Principal(id=person.id, name=person.name, address=actor.address), "notifications.mails_stopped")


@unguarded("the actor's own channels")
@transaction.atomic
def send_test(actor: Principal) -> int:
    """Something by each way the actor is told outside: browsers, webhooks, brokers, mail if he wants any. How many."""
    hit("notifications.test", actor.id, limit=6, per_s=60)
    rows = Preference.objects.filter(account=actor.id)
    wants_mail = any(Channel.MAIL in read_channels(row.channels) for row in rows)
    targets = {
        Channel.PUSH: list(PushSubscription.objects.filter(account=actor.id).values_list("pk", "host")),
        Channel.WEBHOOK: [
            (pk, pk) for pk in Webhook.objects.filter(account=actor.id, disabled_at=None).values_list("pk", flat=True)
        ],
        Channel.MQTT: [
            (pk, pk) for pk in Broker.objects.filter(account=actor.id, disabled_at=None).values_list("pk", flat=True)
        ],
        Channel.MAIL: [(actor.id, "mail")] if wants_mail else [],
    }
    for channel, found in targets.items():
        enqueue_many(KINDS[channel], [({"notification": "", "to": target}, to) for target, to in found])
    return sum(len(found) for found in targets.values())


def _write(actor: Principal, action: str) -> None:
    # In the installation's chain: whoever shares with him does not read it.
    write_entry(actor=actor, action=action, thing=f"account:{actor.id}")
