"""The guard: every public service says here what it needs, is checked for it, and is registered.

    @requires(Permission.SHARE, on="camera")
    def offer_share(actor: Principal, *, camera: str, …)

`on` names both the kind of resource and the keyword argument that carries its id. Apps that own a kind register how
its id becomes a ResourcePath. Invisible answers NotFound, visible but not allowed Forbidden, what is frozen Frozen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate

from belvedere.contracts.permissions import Permission
from belvedere.control.access.decision import Decision
from belvedere.control.access.models import Origin
from belvedere.control.access.selectors import ResourcePath, decision_of
from belvedere.control.core.errors import Forbidden, Frozen, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal, once

type Resolver = Callable[[str], ResourcePath | None]
#: whether this account may know that the resource exists though it holds nothing on it
type Visible = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """What one service demands. Either a permission on a resource, or the reason why none is."""

    permission: Permission | None
    on: str
    reason: str = ""
    #: a service provider's grant does not count: what blinds or takes away is no part of setting up (HC-27)
    of_member: bool = False


#: dotted name of a service → its rule; a test holds it against every service there is
REGISTRY: dict[str, Rule] = {}
_resolvers: dict[str, Resolver] = {}
_visible: dict[str, Visible] = {}


def register_resolver(kind: str, resolver: Resolver, *, visible: Visible | None = None) -> None:
    """Tell the guard how ids of `kind` become resource paths. Called once, by the app that owns the kind.

    `visible` (account, resource): an organization is known to all of its members, whatever they hold in it.
    """
    _resolvers[kind] = resolver
    if visible:
        _visible[kind] = visible


@once
def find_path(_actor: Principal, on: str, resource: str) -> ResourcePath | None:
    """Where something is, by its kind and id; None for what there is not. The caller says what may be read of it."""
    return _resolvers[on](resource) if is_id(resource) else None


def check(actor: Principal, permission: Permission, *, on: str, resource: str, of_member: bool = False) -> Decision:
    """The decision for `actor` on `resource`, if it contains `permission`. Raises NotFound, Forbidden or Frozen."""
    path = find_path(actor, on, resource)
    if path is None:
        raise NotFound
    decision = decision_of(actor, path)
    if decision.frozen_until is not None:
        raise Frozen
    if not decision.permissions and not (on in _visible and _visible[on](actor.id, resource)):
        raise NotFound
    held = decision.without(Origin.SERVICE) if of_member else decision.permissions
    if permission not in held:
        raise Forbidden
    return decision


def requires[**P, R](
    permission: Permission, *, on: str, of_member: bool = False
) -> Callable[[Callable[Concatenate[Principal, P], R]], Callable[Concatenate[Principal, P], R]]:
    """Demand `permission` on the resource whose id comes as keyword `on`.

    of_member  as a member: a service provider holds it for other things, never for this one
    """

    def decorate(service: Callable[Concatenate[Principal, P], R]) -> Callable[Concatenate[Principal, P], R]:
        REGISTRY[_name(service)] = Rule(permission, on, of_member=of_member)

        @wraps(service)
        def guarded(actor: Principal, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if actor.answers is not None:
                actor.answers.end()  # who acts is asked about anew
            check(actor, permission, on=on, resource=str(kwargs[on]), of_member=of_member)
            return service(actor, *args, **kwargs)

        return guarded

    return decorate


def unguarded[**P, R](reason: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare that a service demands no permission, and why: it acts on the actor's own, or proves by other means."""

    def decorate(service: Callable[P, R]) -> Callable[P, R]:
        REGISTRY[_name(service)] = Rule(None, "", reason)
        return service

    return decorate


def _name(service: Callable[..., object]) -> str:
    return f"{service.__module__}.{service.__qualname__}"
