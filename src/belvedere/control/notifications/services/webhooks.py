"""Webhooks: programs of somebody's that are told by a signed request."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.camera_events import EventKind
from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import require_fresh
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, vault
from belvedere.control.core.errors import Invalid, NetworkNotAllowed, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.core.limits import hit
from belvedere.control.core.names import clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.notifications import egress, signatures
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.models import Webhook
from belvedere.control.notifications.parcels import KINDS
from belvedere.control.outbox.services import enqueue, enqueue_many

MAX_WEBHOOKS: Final = 10
MAX_URL: Final = 500
#: After a change of the secret the one before is good for so long: receivers change theirs meanwhile.
BOTH_FOR: Final = timedelta(hours=24)


@unguarded("the actor's own; what it is told is decided each time")
def create_webhook(actor: Principal, *, name: str, url: str, kinds: Collection[EventKind] = ()) -> tuple[str, str]:
    """Have a program told; its id, and the secret it checks signatures with, shown this once.

    Raises ReauthenticationRequired, Invalid, NetworkNotAllowed; RateLimited.
    """
    require_fresh(actor)
    name = clean_name(name)
    shown = _check_url(actor, url)
    pk, secret = new_id(), signatures.new_secret()
    with transaction.atomic():
        if Webhook.objects.filter(account=actor.id).count() >= MAX_WEBHOOKS:
            raise Invalid(_("Ten webhooks are the most. Remove one first."))
        Webhook.objects.create(
            id=pk,
            account_id=actor.id,
            name=name,
            url=_seal(url, pk, "url"),
            shown_url=shown,
            secret=_seal(secret, pk, "secret"),
            kinds=_write_kinds(kinds),
            created_at=clock.now(),
        )
        _write(actor, "webhook.created", pk, name)
    return pk, secret


@unguarded("the actor's own")
def change_webhook(
    actor: Principal,
    *,
    webhook: str,
    name: str | None = None,
    url: str | None = None,
    kinds: Collection[EventKind] | None = None,
    is_enabled: bool | None = None,
) -> None:
    """What is None stays. Switched on again, it begins anew. Raises as `create_webhook`, and NotFound."""
    require_fresh(actor)
    row, changes = _get(actor, webhook), dict[str, Any]()
    if name is not None:
        changes["name"] = clean_name(name)
    if url is not None:
        changes |= {"shown_url": _check_url(actor, url), "url": _seal(url, row.pk, "url")}
    if kinds is not None:
        changes["kinds"] = _write_kinds(kinds)
    if is_enabled is not None:
        changes["disabled_at"] = None if is_enabled else row.disabled_at or clock.now()
    if is_enabled or url is not None:
        changes |= {"failures": 0, "failing_since": None}
    with transaction.atomic():
        # A name was looked up meanwhile: what was removed stays removed, and what the courier wrote stays written.
        if changes and not Webhook.objects.filter(pk=row.pk).update(**changes):
            raise NotFound
        if url is not None or is_enabled is False:
            _leave(row)
        _write(actor, "webhook.changed", row.pk, changes.get("name", row.name))


@unguarded("the actor's own")
@transaction.atomic
def renew_webhook_secret(actor: Principal, *, webhook: str) -> str:
    """A new secret, shown this once; for a day each request is signed with the one before, too.

    Raises ReauthenticationRequired, NotFound.
    """
    require_fresh(actor)
    row = _get(actor, webhook)
    former, secret = vault.unseal(row.secret, table="webhook", row=row.pk, field="secret"), signatures.new_secret()
    row.former_secret, row.former_until = _seal(former, row.pk, "former_secret"), clock.now() + BOTH_FOR
    row.secret = _seal(secret, row.pk, "secret")
    row.save(update_fields=["secret", "former_secret", "former_until"])
    _leave(row)
    _write(actor, "webhook.secret_renewed", row.pk, row.name)
    return secret


@unguarded("the actor's own")
@transaction.atomic
def send_webhook_test(actor: Principal, *, webhook: str) -> None:
    """Something to see whether it is heard. Raises NotFound, Invalid for one that is off, RateLimited."""
    row = _get(actor, webhook)
    hit("notifications.test", actor.id, limit=6, per_s=60)
    if row.disabled_at is not None:
        raise Invalid(_("It is off. Switch it on first."))
    enqueue_many(KINDS[Channel.WEBHOOK], [({"notification": "", "to": row.pk}, row.pk)])


@unguarded("the actor's own")
@transaction.atomic
def remove_webhook(actor: Principal, *, webhook: str) -> None:
    """Tell it nothing more. Raises ReauthenticationRequired, NotFound."""
    require_fresh(actor)
    row = _get(actor, webhook)
    _leave(row)
    row.delete()
    _write(actor, "webhook.removed", webhook, row.name)


def _leave(row: Webhook) -> None:
    """No backup has it told again as it was told before."""
    enqueue("lost.target", {"webhook": row.pk})


def _get(actor: Principal, webhook: str) -> Webhook:
    row = Webhook.objects.filter(pk=webhook, account=actor.id).first()
    if row is None:
        raise NotFound
    return row


def _check_url(actor: Principal, url: str) -> str:
    """Its scheme and host. Raises Invalid, NetworkNotAllowed."""
    hit("webhook.url", actor.id, limit=30, per_s=3600)
    parts = urlsplit(url)
    if len(url) > MAX_URL or parts.scheme not in {"https", "http"} or not parts.hostname:
        raise Invalid(_("Type the whole address, as in https://home.example.org/hook."), field="url")
    try:
        egress.resolve_target(url)
    except egress.NotReachable as error:
        if error.why == "no_address":
            raise Invalid(_("Type the whole address, as in https://home.example.org/hook."), field="url") from None
        raise NetworkNotAllowed from None
    return f"{parts.scheme}://{parts.netloc}"[:300]


def _seal(text: str, row: str, field: str) -> str:
    return vault.seal(text, table="webhook", row=row, field=field)


def _write_kinds(kinds: Collection[EventKind]) -> str:
    return ",".join(kind.value for kind in EventKind if kind in kinds)


def _write(actor: Principal, action: str, webhook: str, name: str) -> None:
    write_entry(actor=actor, action=action, thing=f"webhook:{webhook}", name=name)
