"""Who acts: an account or a guest link, through one credential, from somewhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from inspect import unwrap
from typing import Any, Concatenate, Literal

from belvedere.control.core.answers import Answers


@dataclass(frozen=True, slots=True)
class Principal:
    """The actor of every service, its first argument.

    id            the principal of grants: an account's id, or a guest link's
    name          shown to others, in audit and receipts
    credential    `session:<hash>`, `token:<id>` or `guest:<visit>`; when it dies, what was opened through it
                  ends. "" = none
    scopes        None = all that the account may; else permission and act names a token is limited to
    address       network address, for the audit
    proved_at     when this session last proved who sits there, by password, code or passkey; None for tokens
    answers       what his request was told already, while it only reads; None = everything is asked anew
    """

    id: str
    name: str
    email: str = ""
    credential: str = ""
    scopes: frozenset[str] | None = None
    address: str = ""
    proved_at: datetime | None = None
    kind: Literal["account", "guest", "system"] = "account"
    answers: Answers | None = field(default=None, compare=False, repr=False)

    def may_use(self, scope: str) -> bool:
        """Whether the credential's scopes contain `scope`."""
        return self.scopes is None or scope in self.scopes


def once[**P, R](ask: Callable[Concatenate[Principal, P], R]) -> Callable[Concatenate[Principal, P], R]:
    """Mark a selector whose answer is the same all through a request that only reads. Its arguments are hashable."""

    @wraps(ask)
    def asked(actor: Principal, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if actor.answers is None:
            return ask(actor, *args, **kwargs)
        return actor.answers.once(_question(ask, actor, args, kwargs), lambda: ask(actor, *args, **kwargs))

    return asked


def tell[**P, R](
    asked: Callable[Concatenate[Principal, P], R], answer: R, actor: Principal, /, *args: P.args, **kwargs: P.kwargs
) -> None:
    """Answer a question marked `once` before it is asked: from who has just read what it would read again."""
    if actor.answers is not None:
        actor.answers.once(_question(unwrap(asked), actor, args, kwargs), lambda: answer)


def _question(
    ask: Callable[..., Any], actor: Principal, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    return ask, actor, args, tuple(sorted(kwargs.items()))


def system(name: str) -> Principal:
    """The server itself, acting by schedule or by command line."""
    return Principal(id="", name=name, kind="system")


def nobody(address: str) -> Principal:
    """Whoever is signed in nowhere; what he brings with him has to prove whom he acts for."""
    return Principal(id="", name="", address=address)
