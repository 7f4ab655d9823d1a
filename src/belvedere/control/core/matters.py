"""What somebody is told that is about himself or about rights, and about no camera."""

from enum import StrEnum


class Matter(StrEnum):
    """The first three concern one's own account. `rights`: what one may do, or who may what of what is one's own."""

    SIGN_IN = "sign_in"
    GUESSES = "guesses"
    MANY_PLACES = "many_places"
    RIGHTS = "rights"
