"""Who calls: a token, or the session of our own page. One gate in front of every operation.

A bad `Authorization` is 401 and never falls through to the cookie (N7). Sessions write only from our own pages (N8).
"""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.utils import check_csrf

from belvedere.control.accounts.selectors import find_principal_of_token
from belvedere.control.accounts.services import note_token_use
from belvedere.control.api.rules import PERSON, PUBLIC, RULES
from belvedere.control.core.errors import Forbidden, NotFound, Refusal, Unauthenticated
from belvedere.control.core.limits import hit
from belvedere.control.core.principal import Principal, nobody
from belvedere.control.core.requests import client_address, principal_of

_SAFE = {"GET", "HEAD", "OPTIONS"}
_OUR_OWN = {"same-origin", "none"}
_PREFIX = "api/v1/"
CALLS_A_MINUTE = 1200


def operation_of(request: HttpRequest) -> tuple[str, str]:
    """Method and path, as `rules.py` names them. Raises NotFound for an operation it does not know."""
    route = request.resolver_match.route if request.resolver_match else ""
    operation = (request.method or "", route.removeprefix(_PREFIX).replace("<", "{").replace(">", "}"))
    if operation not in RULES:
        raise NotFound
    return operation


def actor_of(request: HttpRequest) -> Principal:
    """Who the gate let in."""
    actor: Principal = request.auth  # type: ignore[attr-defined]  # ninja puts there what the gate returned
    return actor


class NotJson(Refusal):
    """The body is something else than JSON."""

    status = 415
    code = "unsupported_media_type"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("Bodies are JSON here: send them as application/json. Nothing was changed.")


class Gate:
    """ninja's auth: returns the acting Principal or refuses."""

    def __call__(self, request: HttpRequest) -> Principal:
        """The actor of this request. Raises Unauthenticated, Forbidden, RateLimited."""
        operation = operation_of(request)
        scope = RULES[operation]
        has_body = request.headers.get("Content-Length", "") not in {"", "0"}
        if has_body and request.method not in _SAFE and request.content_type != "application/json":
            # A form of any site can send text/plain; none can send JSON unasked (N8).
            raise NotJson
        header = request.headers.get("Authorization")
        if header is not None:
            actor = self._by_token(request, header)
        elif operation in PUBLIC and not request.user.is_authenticated:
            actor = nobody(client_address(request))
        else:
            actor = self._by_session(request)
        if scope == PERSON and actor.scopes is not None:
            raise Forbidden(_("Only a signed-in person may do that, no token."))
        if scope != PERSON and not actor.may_use(scope):
            raise Forbidden(_("This token has no scope “%(scope)s”.") % {"scope": scope})
        hit("api", actor.id or actor.address, limit=CALLS_A_MINUTE, per_s=60)
        return actor

    def _by_token(self, request: HttpRequest, header: str) -> Principal:
        kind, _space, secret = header.partition(" ")
        if request.headers.get("Origin") is not None:
            raise Forbidden(_("Tokens are for programs: no page of any site may send one."))
        actor = find_principal_of_token(secret.strip(), address=client_address(request)) if kind == "Bearer" else None
        if actor is None:
            raise Unauthenticated
        note_token_use(actor)
        return actor

    def _by_session(self, request: HttpRequest) -> Principal:
        if not request.user.is_authenticated:
            raise Unauthenticated
        # Reads too: what another site can make a browser fetch, it can measure.
        is_ours = request.headers.get("Sec-Fetch-Site", "same-origin") in _OUR_OWN
        if not is_ours or (request.method not in _SAFE and check_csrf(request) is not None):
            raise Forbidden(_("This did not come from our own page. Nothing was changed."))
        return principal_of(request)
