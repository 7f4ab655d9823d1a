"""What somebody is told that is about himself or about rights, and about no camera."""

from enum import StrEnum
from typing import Final


class Matter(StrEnum):
    """The first four concern one's own account. `rights`: what one may do, or who may what of what is one's own."""

    SIGN_IN = "sign_in"
    GUESSES = "guesses"
    WRONG_CODES = "wrong_codes"
    MANY_PLACES = "many_places"
    RIGHTS = "rights"


#: What is about one's own account: whoever stops the mails about cameras goes on to be told of it.
OF_ACCOUNT: Final = frozenset(Matter) - {Matter.RIGHTS}
