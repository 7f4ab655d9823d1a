"""A report that can be kept and shown to others: its facts as text, and this installation's signature under them."""

from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from belvedere.control.core import signing
from belvedere.control.handover.report import Report

#: the name of the signing key
KEY: Final = "report"
#: what comes before the facts under the signature: a signature for one purpose is none for another
PURPOSE: Final = "belvedere report 1\n"


class SealedReport(NamedTuple):
    """The facts, exactly as they were signed.

    text       JSON, keys in alphabetical order
    digest     SHA-256 of `text`, hex
    key        which key signed: as at /.well-known/belvedere-keys.json
    signature  Ed25519 over PURPOSE and `text`, base64
    """

    text: str
    digest: str
    key: str
    signature: str

    @property
    def report(self) -> Report:
        """The facts."""
        return msgspec.json.decode(self.text, type=Report)

    def is_ours(self) -> bool:
        """Whether this installation signed exactly this, with a key that was in use then."""
        try:
            at = self.report.made_at
        except msgspec.MsgspecError:
            return False
        return digest_of(self.text) == self.digest and signing.is_signed_by_ours(
            KEY, key=self.key, at=at, text=(PURPOSE + self.text).encode(), signature=self.signature
        )


def digest_of(text: str) -> str:
    """SHA-256, hex."""
    return sha256(text.encode()).hexdigest()


def seal(report: Report) -> SealedReport:
    """Sign what a report says."""
    text, signer = msgspec.json.encode(report, order="sorted").decode(), signing.Signer(KEY)
    return SealedReport(text, digest_of(text), signer.id, signer.sign((PURPOSE + text).encode()))
