"""Account, sign-in session, API token, phone number, recovery contact.

allauth keeps verified addresses and second factors.
`EmailAddress` holds the one; `Authenticator` the others: passkeys, the app that makes codes, recovery codes.
"""

import hashlib
from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models.functions import Lower

from belvedere.control.core.ids import new_id
from belvedere.control.core.offers import Offer, OfferState


class Account(AbstractBaseUser):
    """One person. The address is lower case and unique; who it belongs to is proven by allauth's verification."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    #: when this sign-in was last found in many places at once, and told so
    crowded_at = models.DateTimeField(null=True)
    #: when its holder has read that
    crowded_seen_at = models.DateTimeField(null=True)
    #: where its mail went before, and when that changed: alerts still go there for a while
    former_email = models.EmailField(default="")
    email_changed_at = models.DateTimeField(null=True)
    #: its holder closed it then, and may bring it back for a while; what was erased stays so
    closed_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)

    # allauth and django.contrib.auth ask the default manager for get_by_natural_key.
    objects: ClassVar[BaseUserManager[Self]] = BaseUserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="accounts_account_email_any_case"),)

    def __str__(self) -> str:
        """Name and address."""
        return f"{self.name} <{self.email}>"


class Session(AbstractBaseSession):
    """A signed-in browser. The key is the SHA-256 of what the cookie holds: a stolen database signs nobody in."""

    session_key = models.CharField(primary_key=True, max_length=64)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="sign_ins")
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True)
    agent = models.CharField(max_length=200, default="")

    objects: ClassVar[BaseSessionManager[Self]] = BaseSessionManager()

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """The store that reads and writes this table."""
        from belvedere.control.accounts.sessions import SessionStore

        return SessionStore


class SignInPlace(models.Model):
    """A browser, in a network, that signed in to an account. What is not among them is a new place (ADR 0025)."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    #: SHA-256 of the account and of what the browser's cookie holds: two accounts in one browser have nothing in common
    device = models.CharField(max_length=64)
    #: as `networks.place_of` has it: /24, /48 or `local`
    network = models.CharField(max_length=43)
    #: “Firefox, Linux”; "" for a program
    browser = models.CharField(max_length=40)
    way = models.CharField(max_length=20)
    #: hash of the latest session from there
    session = models.CharField(max_length=64)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    #: the account was told of it; and whether its holder has said that it was him
    is_told = models.BooleanField(default=False)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("account", "device", "network"), name="accounts_sign_in_place_once"),
        )
        indexes = (models.Index(fields=("last_at",), name="accounts_places_by_age"),)


class ApiToken(models.Model):
    """A program's key to an account. Shown once; the SHA-256 is kept."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class Phone(models.Model):
    """A phone number that somebody says is his; `verified_at` once he has typed the code that was sent there."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="phones")
    number = models.CharField(max_length=16)
    created_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True)
    code_digest = models.CharField(max_length=64, default="")
    code_expires_at = models.DateTimeField(null=True)
    code_tries = models.IntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("account", "number"), name="accounts_phone_once_each"),
            models.UniqueConstraint(
                fields=("number",), condition=~models.Q(verified_at=None), name="accounts_phone_of_one"
            ),
        )


class RecoveryContact(models.Model):
    """Another way to an account's holder, or to somebody he trusts: hears of every step of a recovery, may begin one,
    signs nobody in.

    Counts from `confirmed_at` on, when whoever reads there said yes.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="recovery_contacts")
    #: an e-mail address in lower case, or a telephone number in E.164
    address = models.CharField(max_length=254)
    #: whose it is, as the account's holder knows him
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    #: SHA-256 of the secret in the latest message; "" before it was sent
    token_digest = models.CharField(max_length=64, default="", db_index=True)
    #: until when that message can be answered with yes
    expires_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("account", "address"), name="accounts_recovery_contact_once_each"),
        )


class AccountRecovery(Offer):
    """A recovery contact says that an account's holder cannot get in. Nothing changes before `due_at`; all are told.

    `accepted`: it was carried out. `revoked`: it ended before, and `ended_reason` says why.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    #: None: he is no recovery contact any more, and this cannot go on
    contact = models.ForeignKey(RecoveryContact, on_delete=models.SET_NULL, null=True, related_name="+")
    contact_name = models.CharField(max_length=80)
    due_at = models.DateTimeField()
    #: how often everybody was told since the first day
    reminders = models.IntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("account",),
                condition=models.Q(state=OfferState.PENDING),
                name="accounts_recovery_one_pending",
            ),
        )


class AccountQr(models.Model):
    """What an account's QR code says. It identifies and opens nothing, so it is kept as it is: its owner sees it again.

    Renewing it replaces the row's code: a picture of the old one leads to nobody.
    """

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.CASCADE, related_name="qr")
    #: 128 bits, as 32 hexadecimal digits
    code = models.CharField(max_length=32, unique=True)
    created_at = models.DateTimeField()


def digest_of(secret: str) -> str:
    """What we keep of a secret with full entropy: its SHA-256, hex."""
    return hashlib.sha256(secret.encode()).hexdigest()
