"""What can be refused, with the stable `code` that programs read and the sentence that people read.

Services raise these; pages and API translate them, and nothing else does. A message says what happened, what still
holds and what to do. Invisible is NotFound (404); visible but not allowed is Forbidden (403).
"""

from typing import Any, ClassVar

from django.utils.translation import gettext as _


class Refusal(Exception):  # noqa: N818  a refusal is an answer, not a fault
    """Base of all answers that are not a yes. `extra` becomes fields of the problem document."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"

    def __init__(self, message: str = "", **extra: Any) -> None:
        self.message = message or self.default_message()
        self.extra = extra
        super().__init__(self.message)

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("That was refused. Nothing was changed.")


class NotFound(Refusal):
    """Absent or invisible: one answer for both, always the same words."""

    status = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__(_("There is nothing here, or nothing that you may see."))


class Forbidden(Refusal):
    """Visible, but this act is not allowed."""

    status = 403
    code = "forbidden"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("You may see this, but not do that. Nothing was changed.")


class Unauthenticated(Refusal):
    """Nobody is signed in, or the token is not good."""

    status = 401
    code = "unauthenticated"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("Sign in first, or send a token that is still good.")


class ReauthenticationRequired(Refusal):
    """The act wants a fresh proof of who is at the keys. Pages lead to it, and back."""

    status = 403
    code = "reauthentication_required"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("Prove first that it is you: sign in once more on the page, then try again. Nothing was changed.")


class NetworkNotAllowed(Refusal):
    """The address lies outside the organization's reach. No packet was sent."""

    status = 403
    code = "network_not_allowed"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _(
            "This server may not open connections to that network for your organization. Nothing was sent. "
            "Ask whoever runs the server to add the network to your organization's reach."
        )


class AlreadyBound(Refusal):
    """The device has an owner. `hint` is a masked address, or None; `attempt` is where a request to him starts, or None
    for who owns it himself.
    """

    status = 409
    code = "already_bound"

    def __init__(self, hint: str | None, attempt: str | None = None) -> None:
        super().__init__(
            _(
                "This device already has an owner, and a device has exactly one. Nothing was changed. "
                "Ask the owner to share it with you."
            ),
            hint=hint,
            attempt=attempt,
        )


class Conflict(Refusal):
    """It cannot be done any more, or not in this state."""

    status = 409
    code = "conflict"


class Frozen(Conflict):
    """Nothing of this organization opens just now, and no right in it changes. Recording goes on."""

    code = "frozen"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _(
            "This organization is frozen for a while: recording goes on, nobody watches, and no rights change. "
            "Nothing was changed."
        )


class SwitchedOff(Conflict):
    """Somebody switched the camera off, for everybody."""

    code = "switched_off"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("This camera is switched off. Nobody can watch it until it is switched on again.")


class Invalid(Refusal):
    """The words of the request make no sense. `field` names the one at fault."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message, **({"field": field} if field else {}))
        self.field = field


class InvitationExpired(Conflict):
    """Its time is over; only a new one helps."""

    code = "invitation_expired"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("This invitation has expired: it was good for seven days. Ask whoever invited you for a new one.")


class WrongAccount(Refusal):
    """The offer is for another account."""

    status = 403
    code = "wrong_account"


class RateLimited(Refusal):
    """Too often. `retry_after` is in seconds."""

    status = 429
    code = "rate_limited"

    def __init__(self, retry_after: int) -> None:
        super().__init__(_("That was tried too often. Nothing was changed. Wait a while, then try again."))
        self.retry_after = retry_after


class Unavailable(Refusal):
    """Something we need does not answer just now."""

    status = 503
    code = "unavailable"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("A part of this server does not answer just now. Nothing was changed. Try again in a moment.")
