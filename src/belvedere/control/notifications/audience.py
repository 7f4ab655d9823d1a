"""Who may be told of something, decided now: when it happens, when it is sent, and when it is read (N33, VA 18)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from belvedere.contracts.camera_events import OF_MACHINES
from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import GrantFacts, decide
from belvedere.control.access.models import Origin
from belvedere.control.access.selectors import ResourcePath, asked_at, list_frozen, list_grants
from belvedere.control.accounts.models import Account
from belvedere.control.devices.models import Alias, Camera, Panel
from belvedere.control.devices.panels import path_of_panel
from belvedere.control.devices.selectors import path_of
from belvedere.control.sharing.selectors import list_muted_shares


@dataclass(frozen=True, slots=True)
class Thing:
    """A camera or panel that something happens to. `name` is its owner's; its reader may call it otherwise."""

    path: ResourcePath
    name: str
    is_panel: bool


def needed_for(kind: str) -> Permission:
    """What one must hold to be told of it."""
    # What is the matter with disks and nodes is for those who can do something about it.
    more = Permission.CONFIGURE if kind in OF_MACHINES else Permission(0)
    return Permission.NOTIFY | more


def list_things(resources: Collection[str]) -> dict[str, Thing]:
    """Id → camera or panel, for those that exist. Two queries at most."""
    cameras = Camera.objects.filter(pk__in=resources)
    found = {
        row.pk: Thing(path_of(row), row.name, is_panel=False)
        for row in cameras.only("pk", "name", "site_id", "organization_id", "closed_at", "disabled_at")
    }
    if len(found) < len(set(resources)):
        for panel in Panel.objects.filter(pk__in=resources).select_related("device"):
            found[panel.pk] = Thing(path_of_panel(panel), panel.name, is_panel=True)
    return found


def grounds_of(grants: Iterable[GrantFacts], kind: str, at: float) -> list[GrantFacts]:
    """Because of which grants their holder is to be told now; none where he may not."""
    decision = decide(grants, at)
    if not decision.allows(needed_for(kind)):
        return []
    return [grant for grant in decision.because if grant.permissions & Permission.NOTIFY]


def drop_muted[K](found: dict[K, list[GrantFacts]]) -> list[K]:
    """Those who are told for more than shares that they muted. One query."""
    shares = {grant.origin_id for grants in found.values() for grant in grants if grant.origin == Origin.SHARE}
    muted = list_muted_shares(shares) if shares else set()
    return [key for key, grants in found.items() if any(grant.origin_id not in muted for grant in grants)]


def list_allowed(asked: Collection[tuple[str, str, str]], *, is_muted: bool = True) -> dict[tuple[str, str, str], str]:
    """Those (account, resource, kind) where the account is to be told now, with its name for the resource.

    `is_muted`: whether muting a share counts; what one was told before stays to be read. A constant number of queries.
    """
    things = list_things({resource for _account, resource, _kind in asked})
    at = asked_at()
    held = _list_held(asked, things)
    found = {key: grounds for key, grants in held.items() if (grounds := grounds_of(grants, key[2], at))}
    kept = drop_muted(found) if is_muted else list(found)
    names = _list_names({(account, resource) for account, resource, _kind in kept}, things) if kept else {}
    return {key: names[key[0], key[1]] for key in kept}


def list_standing(asked: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], float]:
    """Those where the account may know now, muted or not, with the next instant at which that may end by itself.

    Seconds since the epoch; inf: it does not. A constant number of queries.
    """
    things = list_things({resource for _account, resource, _kind in asked})
    at = asked_at()
    return {
        key: decide(grants, at).narrows_at
        for key, grants in _list_held(asked, things).items()
        if grounds_of(grants, key[2], at)
    }


def _list_held(
    asked: Collection[tuple[str, str, str]], things: dict[str, Thing]
) -> dict[tuple[str, str, str], list[GrantFacts]]:
    """The grants of each account on each resource that is open to anybody now: to be decided on."""
    accounts = Account.objects.filter(pk__in={account for account, _resource, _kind in asked}, is_active=True)
    active = set(accounts.values_list("pk", flat=True))
    places = {part for thing in things.values() if thing.path.is_live for part in thing.path[:3] if part}
    held = list_grants(active, places)
    frozen = list_frozen()
    return {
        (account, resource, kind): [grant for grant in held.get(account, []) if grant.resource in thing.path[:3]]
        for account, resource, kind in asked
        if account in active
        and (thing := things.get(resource))
        and thing.path.is_live
        and not any(part in frozen for part in thing.path[:3])
    }


def _list_names(pairs: Collection[tuple[str, str]], things: dict[str, Thing]) -> dict[tuple[str, str], str]:
    rows = Alias.objects.filter(account__in={pair[0] for pair in pairs}, camera__in={pair[1] for pair in pairs})
    aliases = {(account, camera): name for account, camera, name in rows.values_list("account", "camera", "name")}
    return {pair: aliases.get(pair) or things[pair[1]].name for pair in pairs}
