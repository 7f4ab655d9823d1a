"""Names that people type: one form, no tricks (N32)."""

import re
import unicodedata

from django.utils.translation import gettext as _

from belvedere.control.core.errors import Invalid

MAX_LENGTH = 80


def clean_name(text: str, *, field: str = "name", optional: bool = False, max_length: int = MAX_LENGTH) -> str:
    """NFC, single blanks, 1–80 characters, none of them a control, bidi override or invisible. Raises Invalid."""
    text = unicodedata.normalize("NFC", text).strip()
    if not text and not optional:
        raise Invalid(_("A name is needed here."), field=field)
    if len(text) > max_length:
        raise Invalid(_("At most %(count)d characters fit here.") % {"count": max_length}, field=field)
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for character in text):
        raise Invalid(_("Invisible and control characters are not allowed here."), field=field)
    # A blank is a blank: twins that differ by the kind of theirs are one name.
    return " ".join(text.split())


def clean_email(text: str, *, field: str = "email") -> str:
    """Lower case, IDNA host, one @. Raises Invalid; the message is the same for every mistake."""
    refusal = Invalid(_("Type the whole e-mail address, as in rita@example.org."), field=field)
    text = unicodedata.normalize("NFC", text).strip().lower()
    local, at, host = text.rpartition("@")
    if not (at and local and "." in host) or len(text) > 254 or not local.isascii():
        raise refusal
    if any(character.isspace() or unicodedata.category(character).startswith("C") for character in text):
        raise refusal
    if any(character in local for character in '"(),:;<>[\\]@') or ".." in text or local[0] == "." or local[-1] == ".":
        raise refusal
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise refusal from None
    if not all(part and part.replace("-", "a").isalnum() and part[0] != "-" != part[-1] for part in host.split(".")):
        raise refusal
    return f"{local}@{host}"


def clean_phone(text: str, *, field: str = "phone") -> str:
    """E.164, as in `+491701234567`. Raises Invalid; whether the number exists, a code that was sent there tells."""
    number = re.sub(r"[\s().\-/]", "", unicodedata.normalize("NFKC", text))
    number = re.sub(r"^00", "+", number)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise Invalid(_("Type the whole number with its country, as in +49 170 1234567."), field=field)
    return number


def is_phone(text: str) -> bool:
    """Whether this is meant as a telephone number: what it is cleaned by says the rest."""
    return unicodedata.normalize("NFKC", text).strip().startswith(("+", "00")) and "@" not in text


def clean_address(text: str, *, field: str = "account") -> str:
    """What people are invited and shared with by: a telephone number in E.164, or an e-mail address. Raises Invalid.

    Of a number without its country nobody guesses which one is meant: the wrong person would be asked (HC-10).
    """
    if is_phone(text):
        return clean_phone(text, field=field)
    if re.fullmatch(r"[\s().\-/0-9]*[0-9][\s().\-/0-9]*", unicodedata.normalize("NFKC", text)):
        raise Invalid(_("A number needs its country, as in +34 600 123 456: begin with + and the code."), field=field)
    return clean_email(text, field=field)


def mask_email(email: str) -> str:
    """`olivia@example.org` → `o•••@e•••.org`: of fixed width, so that the length tells nothing."""
    local, _at, host = email.rpartition("@")
    return f"{local[:1]}•••@{host[:1]}•••.{host.rpartition('.')[2]}"
