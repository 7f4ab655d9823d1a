"""Browsers that are pushed to."""

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.models import digest_of
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, vault
from belvedere.control.core.errors import Invalid, NetworkNotAllowed, NotFound
from belvedere.control.core.ids import new_id
from belvedere.control.core.limits import hit
from belvedere.control.core.principal import Principal
from belvedere.control.notifications import egress
from belvedere.control.notifications.models import PushSubscription
from belvedere.control.notifications.web_push import (
    Browser,
    current_key_id,
    is_push_service,
    is_well_formed,
    write_browser,
)

MAX_BROWSERS: Final = 20


@unguarded("the actor's own browser")
def subscribe_browser(actor: Principal, *, browser: Browser, agent: str = "", is_discreet: bool = False) -> str:
    """Push to this browser from now on, for as long as this sign-in lasts; the subscription's id.

    Who asked last has it: what is pushed to a browser belongs to who sits there. Raises Invalid, NetworkNotAllowed for
    an endpoint that is none of the known push services.
    """
    hit("push.subscribe", actor.id, limit=30, per_s=3600)
    host = (urlsplit(browser.endpoint).hostname or "")[:80]
    if not is_well_formed(browser):
        raise Invalid(_("That is no subscription of a browser."), field="keys")
    try:
        # Looked up outside of the transaction: the resolver may take its time.
        is_known = browser.endpoint.startswith("https://") and is_push_service(host)
        if not is_known and not egress.is_named(browser.endpoint):
            raise NetworkNotAllowed
    except egress.NotReachable:
        raise NetworkNotAllowed from None
    return _keep(actor, browser, host, agent, is_discreet=is_discreet)


@transaction.atomic
def _keep(actor: Principal, browser: Browser, host: str, agent: str, *, is_discreet: bool) -> str:
    browser = replace(browser, key=current_key_id())
    digest = digest_of(browser.endpoint)
    PushSubscription.objects.filter(digest=digest).delete()
    own = PushSubscription.objects.filter(account=actor.id)
    if own.count() >= MAX_BROWSERS:
        own.order_by("created_at")[0].delete()
    pk = new_id()
    PushSubscription.objects.create(
        id=pk,
        account_id=actor.id,
        credential=actor.credential,
        keys=vault.seal(write_browser(browser), table="push_subscription", row=pk, field="keys"),
        digest=digest,
        host=host,
        agent=agent[:200],
        is_discreet=is_discreet,
        created_at=clock.now(),
    )
    write_entry(actor=actor, action="push.subscribed", thing=f"account:{actor.id}")
    return pk


@unguarded("the actor's own browser")
@transaction.atomic
def unsubscribe_browser(actor: Principal, *, subscription: str) -> None:
    """Push to it no more. Raises NotFound."""
    if not PushSubscription.objects.filter(pk=subscription, account=actor.id).delete()[0]:
        raise NotFound
    write_entry(actor=actor, action="push.unsubscribed", thing=f"account:{actor.id}")
