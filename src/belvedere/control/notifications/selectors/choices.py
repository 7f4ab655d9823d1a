"""How somebody wants to be told, and when not: his own, and nobody else's to read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from belvedere.contracts.hours import is_open
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.audience import list_allowed
from belvedere.control.notifications.channels import USUAL, Channel, read_channels
from belvedere.control.notifications.models import Preference, Quiet

#: any kind that needs no more than `notify`: to ask whether somebody may be told at all
ANY_KIND: Final = "motion"


@dataclass(frozen=True, slots=True)
class Choice:
    """By which channels, of what. `resource` and `kind` "" = any."""

    resource: str
    kind: str
    channels: frozenset[Channel]


@dataclass(frozen=True, slots=True)
class PreferencesView:
    """All that somebody chose. `hours` as in contracts.hours, "" = no quiet hours."""

    usual: frozenset[Channel]
    choices: list[Choice]
    hours: str
    snooze_until: datetime | None


def list_choices(accounts: Collection[str]) -> dict[str, dict[tuple[str, str], frozenset[Channel]]]:
    """Account → (resource, kind) → channels, of those who chose at all. One query."""
    found: dict[str, dict[tuple[str, str], frozenset[Channel]]] = {}
    rows = Preference.objects.filter(account__in=list(accounts))
    for account, resource, kind, channels in rows.values_list("account", "resource", "kind", "channels"):
        found.setdefault(account, {})[resource, kind] = read_channels(channels)
    return found


def list_quiet(accounts: Collection[str]) -> set[str]:
    """Those of these accounts that want their peace just now. One query."""
    at = clock.now()
    return {
        account
        for account, hours, until in Quiet.objects.filter(account__in=list(accounts)).values_list(
            "account", "hours", "snooze_until"
        )
        if (until and until > at) or (hours and is_open(hours, at.timestamp()))
    }


def get_preferences(actor: Principal) -> PreferencesView:
    """One's own. What was chosen for a camera one is not told of any more is left out (VA 18)."""
    chosen = list_choices([actor.id]).get(actor.id, {})
    allowed = list_allowed([(actor.id, resource, ANY_KIND) for resource, _kind in chosen if resource], is_muted=False)
    quiet = Quiet.objects.filter(account=actor.id).first()
    until = quiet.snooze_until if quiet else None
    return PreferencesView(
        chosen.get(("", ""), USUAL),
        [
            Choice(resource, kind, channels)
            for (resource, kind), channels in sorted(chosen.items())
            if (resource or kind) and (not resource or (actor.id, resource, ANY_KIND) in allowed)
        ],
        quiet.hours if quiet else "",
        until if until and until > clock.now() else None,
    )
