"""Trying between the planes: a media node comes to its own door with somebody's tickets, and says what it was let do.

No frame, sound or ticket goes back: a word and a time (D5 of the threat model, N17).
"""

import msgspec

#: One trial takes no longer. Whatever does not answer by then has not worked.
TRIAL_WITHIN_S = 5.0
#: Trials of a node at the same time: what people watch goes on beside them.
AT_ONCE = 16
#: Trials under way or waiting on a node. All of them have their turn before the last one's ticket runs out (30 s).
MAX_TRIALS = 80
#: A node says so quickly that it has begun.
TAKEN_WITHIN_S = 2.0


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ticket, and what is to be tried with it: a wire name of `Permission`."""

    session: str
    secret: str
    permission: str


class TryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """control → media, `session.try.<node>`: come to your own door with these, as any player would."""

    trials: list[Trial]


class TryTaken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to either: heard. Of a TryRequest, they are under way, unless the node has its hands full."""

    accepted: bool


class Tried(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """media → control, `session.tried.<node>`: what became of one; said until it is answered.

    why      "" when it worked, else `refused` by the lease; or what stood against it beside rights: `offline`,
             `no_footage`, `no_sound`, `no_motor`, `no_talk`, `busy`, `too_many`, `no_answer`, `failed`, or a word of
             the camera's connection (SourceError)
    took_ms  from knocking to the first frame, sound, word or byte
    """

    session: str
    worked: bool
    why: str
    took_ms: int
