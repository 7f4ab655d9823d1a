"""The journal, read to its end: its last word on each thing, whatever a restored database says of it (D3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from belvedere.control.backups import losses
from belvedere.control.backups.journal import Line

#: losses of what signs in that void what a backup brings back of it
VOIDS: Final = frozenset(
    {
        "password_changed",
        "factors_changed",
        "factors_removed",
        "address_changed",
        "address_verified_elsewhere",
        "recovered",
    }
)
CLOSES: Final = frozenset({"account_disabled", "account_closed", "account_erased"})
#: these ended sign-ins and tokens, of which no backup brings any
SIGN_INS_ALONE: Final = frozenset({"cancelled", "panic", "sign_in_denied"})


@dataclass(slots=True)
class LastWords:
    """What is so of whatever the journal names: see `losses`."""

    over: set[str] = field(default_factory=set)
    less: set[str] = field(default_factory=set)
    ended: set[tuple[str, str]] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    #: organization → account
    owners: dict[str, str] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    #: account → why
    disabled: dict[str, str] = field(default_factory=dict)
    #: (account, row): a row's number alone is given out again after a restore
    addresses: set[tuple[str, int]] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    #: accounts whose QR code is another one now
    renewed: set[str] = field(default_factory=set)
    #: (account, row of its recovery codes) → bits of those that were spent
    spent: dict[tuple[str, int], int] = field(default_factory=dict)
    #: deputies and recovery contacts
    helpers: set[str] = field(default_factory=set)
    #: id of a freeze → what it is
    freezes: dict[str, dict[str, str]] = field(default_factory=dict)
    #: device → site
    places: dict[str, str] = field(default_factory=dict)
    #: webhooks and brokers
    targets: set[str] = field(default_factory=set)
    #: (share, group); "" = every share
    unfollowed: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, lines: Iterable[Line]) -> Self:
        """Read in their order: what came later holds."""
        words = cls()
        for line in lines:
            facts = line.facts
            if line.kind == losses.RIGHTS:
                words._hear_of_rights(facts)
            elif line.kind == losses.OWNER:
                words.owners[facts["organization"]] = facts["owner"]
            elif line.kind == losses.ACCOUNT:
                words._hear_of_account(facts)
            elif line.kind == losses.HELPER:
                words.helpers |= set(facts.values())
            elif line.kind == losses.FREEZE:
                words.freezes[facts["id"]] = facts
            elif line.kind == losses.PLACE:
                words.places[facts["device"]] = facts["site"]
            elif line.kind == losses.TARGET:
                words.targets |= set(facts.values())
            elif line.kind == losses.FOLLOWING:
                words.unfollowed.add((facts.get("share", ""), facts["group"]))
        return words

    def _hear_of_rights(self, facts: dict[str, Any]) -> None:
        over, less = set(facts.get("over", ())), set(facts.get("less", ()))
        self.over = (self.over - less) | over
        self.less |= less
        self.ended |= {(origin, resource) for origin, resource in facts.get("ended", ())}
        self.closed |= set(facts.get("closed", ()))

    def _hear_of_account(self, facts: dict[str, Any]) -> None:
        account, why = facts["account"], facts["why"]
        if why in VOIDS:
            self.voided.add(account)
        if why in CLOSES:
            self.disabled[account] = why
        elif why in losses.IN_USE_AGAIN:
            self.disabled.pop(account, None)
        if why == "qr_renewed":
            self.renewed.add(account)
        if "address" in facts:
            self.addresses.add((account, facts["address"]))
        if "phone" in facts:
            self.phones.add(facts["phone"])
        if "codes" in facts:
            codes = (account, facts["codes"])
            self.spent[codes] = self.spent.get(codes, 0) | facts["used"]
