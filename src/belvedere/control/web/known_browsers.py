"""What a browser shows to be known again when it signs in: a random name in a cookie, which signs nobody in."""

import re
import secrets
from typing import Final

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from belvedere.control.accounts.sign_ins import Way

#: as long as browsers keep a cookie at all
_AGE_S: Final = 400 * 86400
_FORM: Final = re.compile(r"[\w-]{32}")


def cookie_name() -> str:
    """With the prefix that no other site and no plain http can set, where there is https."""
    return "__Host-bv-browser" if settings.IS_HTTPS else "bv-browser"


def name_of_browser(request: HttpRequest) -> str:
    """What this browser is known by; made now where it brings nothing of ours."""
    given = request.COOKIES.get(cookie_name(), "")
    if not _FORM.fullmatch(given):
        given = request.COOKIES[cookie_name()] = secrets.token_urlsafe(24)
    return given


def remember_browser(request: HttpRequest, response: HttpResponse) -> None:
    """Have it bring the same again. Only after a sign-in: before it, no answer tells known from unknown (N1)."""
    response.set_cookie(
        cookie_name(),
        name_of_browser(request),
        max_age=_AGE_S,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def way_of(request: HttpRequest, user: AbstractBaseUser) -> Way:
    """How this session proved who it is, by what allauth noted of it."""
    kinds = [str(record.get("type") or record["method"]) for record in get_authentication_records(request, user)]
    if "webauthn" in kinds:
        return Way.PASSKEY
    if "recovery_codes" in kinds:
        return Way.RECOVERY_CODE
    return Way.CODE if "totp" in kinds else Way.PASSWORD
