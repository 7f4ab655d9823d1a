"""Where allauth's flows meet our domain: who may sign up, what an account is born with, what a reset ends."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from belvedere.control.accounts import services as accounts
from belvedere.control.accounts.browsers import browser_of
from belvedere.control.accounts.selectors import list_verified_addresses
from belvedere.control.core.errors import Invalid
from belvedere.control.core.names import clean_email, clean_name
from belvedere.control.core.principal import Principal
from belvedere.control.core.requests import client_address, principal_of
from belvedere.control.organizations.services import register_account
from belvedere.control.web.closing import offer_return
from belvedere.control.web.context import landing
from belvedere.control.web.invited import find_invited_address
from belvedere.control.web.known_browsers import name_of_browser, remember_browser, way_of

REGISTERED = "registered"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth asks; our services answer."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Open, closed, or for those whom a mail of ours invited (`BELVEDERE_SIGNUP`)."""
        if settings.BELVEDERE.is_plain_http_in_public and not settings.BELVEDERE.allow_http:
            return False
        if settings.BELVEDERE.signup == "invited":
            return bool(find_invited_address(request))
        return bool(settings.BELVEDERE.signup == "open")

    def clean_email(self, email: str) -> str:
        """One form for every address."""
        try:
            return clean_email(email)
        except Invalid as invalid:
            raise ValidationError(invalid.message) from None

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:  # noqa: ARG002  allauth's signature
        """Make the account, and what each account is born with."""
        data = form.cleaned_data
        user.email = data["email"]
        user.name = clean_name(data.get("name", ""))
        user.set_password(data["password1"])
        user.save()
        register_account(Principal(id=user.pk, name=user.name, email=user.email))
        request.session[REGISTERED] = user.pk
        return user

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """A mail of ours led here, so its address is proven."""
        return bool(super().is_email_verified(request, email)) or email == find_invited_address(request)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Where nobody asked for a page: to the wall, or to a choice that is to be made first."""
        return landing(request)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """On to what the mail was about."""
        return landing(request)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Proven from a browser that did not register it: what the registering one set is gone first (N2).

        A further address of an account that has proven one is proven by who is signed in to it alone: whoever clicks
        the link in a mail must not hand his address to a stranger's account.
        """
        account = email_address.user.pk
        is_signed_in = request.user.is_authenticated and request.user.pk == account
        if not email_address.verified and not is_signed_in:
            if list_verified_addresses(account):
                messages.error(request, _("Sign in to the account this address is for, then open the link again."))
                return False
            if request.session.get(REGISTERED) != account:
                accounts.reset_unproven_credentials(account)
                email_address.user.refresh_from_db(fields=["password"])
        return bool(super().confirm_email(request, email_address))

    def send_account_already_exists_mail(self, email: str) -> None:
        """Instead of signing up; takes as long as hashing the new account's password would (N1)."""
        make_password(email)
        super().send_account_already_exists_mail(email)

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        """To sign-in; to a new password where the old one was somebody else's."""
        if not email_address.user.has_usable_password():
            return reverse("account_reset_password")
        return str(super().get_email_verification_redirect_url(email_address))

    def set_password(self, user: Any, password: str) -> None:
        """A new password ends every other sign-in, token and stream of the account (N4, N6)."""
        super().set_password(user, password)
        accounts.end_all_credentials(user.pk, why="password_changed")

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """It does not sign in. Who closed it himself may have it back for a while."""
        return redirect("account-return" if offer_return(request, user.pk) else "account_inactive")

    def login(self, request: HttpRequest, user: Any) -> None:
        """Sign in; note the browser, so that its owner recognizes it in the list, and whether it is a new one here."""
        is_first = user.last_login is None
        super().login(request, user)
        agent = request.session["agent"] = request.headers.get("User-Agent", "")[:200]
        accounts.note_sign_in(
            principal_of(request),
            way=way_of(request, user),
            browser=browser_of(agent),
            device=name_of_browser(request),
            is_first=is_first,
        )

    def post_login(self, request: HttpRequest, user: Any, **more: Any) -> HttpResponse:
        """Have this browser be known the next time."""
        response: HttpResponse = super().post_login(request, user, **more)
        remember_browser(request, response)
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:  # noqa: ARG002  allauth's signature
        """A wrong password, or an address that is nobody's: both are counted alike (N1)."""
        accounts.note_wrong_password(str(credentials.get("email", "")).lower())

    def get_client_ip(self, request: HttpRequest) -> str:
        """The same rule about proxies everywhere."""
        return client_address(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links come from BELVEDERE_URL, never from a request's Host (N3)."""
        context = {**context, "site_url": settings.BELVEDERE.url}
        for key in ("activate_url", "password_reset_url", "signup_url"):
            if key in context:
                context[key] = settings.BELVEDERE.url + "/" + str(context[key]).split("://", 1)[-1].partition("/")[2]
        super().send_mail(template_prefix, email, context)
