"""What both interfaces need to know of a request: from where, and by whom."""

from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

from belvedere.control.core.principal import Principal


def _proxies() -> list[IPv4Network | IPv6Network]:
    return [ip_network(text.strip()) for text in settings.BELVEDERE.trusted_proxies.split(",") if text.strip()]


def believe_proxy(request: HttpRequest) -> None:
    """Take a trusted proxy's word that the browser speaks https; from anybody else it is only a header (N39)."""
    is_theirs = request.headers.get("X-Forwarded-Proto") == "https"
    if is_theirs and _is_in(str(request.META.get("REMOTE_ADDR", "")), _proxies()):
        request.META["wsgi.url_scheme"] = "https"


def client_address(request: HttpRequest) -> str:
    """Where the request comes from; X-Forwarded-For is believed from trusted proxies alone (N39)."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    trusted = _proxies()
    forwarded = [text.strip() for text in request.headers.get("X-Forwarded-For", "").split(",") if text.strip()]
    while forwarded and _is_in(peer, trusted):
        peer = forwarded.pop()
    return peer


def _is_in(address: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    try:
        return any(ip_address(address) in network for network in networks)
    except ValueError:
        return False


def principal_of(request: HttpRequest) -> Principal:
    """The signed-in actor. Pages reach this only past the gate."""
    user = request.user
    return Principal(
        id=str(user.pk),
        name=str(getattr(user, "name", "")),
        email=str(getattr(user, "email", "")),
        credential=str(getattr(request.session, "credential", "")),
        address=client_address(request),
        proved_at=_proved_at(request),
        answers=getattr(request, "answers", None),
    )


def _proved_at(request: HttpRequest) -> datetime | None:
    """The last proof among what allauth noted in the session: sign-in, second step, or the page that asks again."""
    instants = [float(record["at"]) for record in get_authentication_records(request, request.user)]
    return datetime.fromtimestamp(max(instants), UTC) if instants else None
