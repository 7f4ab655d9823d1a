"""The mails of sharing: to whom, with what, and decided when they go. N10, N32, N33, HC-15, HC-18, VA-5, VA-18."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default

import pytest
from django.core import mail

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.services import rename
from belvedere.control.core import clock
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import rename_device, unbind_device
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.selectors import find_join_address
from belvedere.control.sharing.services import (
    Item,
    accept_share,
    end_share,
    leave_share,
    offer_share,
    reject_share,
)


def sent() -> list[tuple[list[str], str]]:
    """(recipients, subject) of everything that went out since the last look."""
    run_due()
    found = [(row.to, str(row.subject)) for row in mail.outbox]
    mail.outbox.clear()
    return found


def whole() -> list[Mail]:
    """As they go over the wire."""
    run_due()
    return [message_from_bytes(row.message().as_bytes(), policy=default) for row in mail.outbox]


def text_of(message: Mail) -> str:
    """Every part, decoded."""
    parts = message.walk()
    return "\n".join(part.get_content() for part in parts if not part.is_multipart())  # type: ignore[attr-defined]


def test_each_step_tells_whom_it_concerns(people: cast.Cast) -> None:
    """HC-15, HC-18, HC-20: offer → recipient; answer → sharer; end → recipient; leaving → sharer."""
    olivia, rita = people.olivia, people.rita
    share = olivia.offer(rita, people.courtyard)
    assert [to for to, _ in sent()] == [[rita.email]]
    accept_share(rita.actor, share=share)
    assert [to for to, _ in sent()] == [[olivia.email]]
    end_share(olivia.actor, share=share)
    assert [to for to, _ in sent()] == [[rita.email]]
    share = olivia.share(rita, people.pool)
    sent()
    leave_share(rita.actor, share=share)
    assert [to for to, _ in sent()] == [[olivia.email]]
    share = olivia.offer(rita, people.counter)
    sent()
    reject_share(rita.actor, share=share)
    assert [to for to, _ in sent()] == [[olivia.email]]


def test_an_offer_withdrawn_before_its_mail_is_not_mailed(people: cast.Cast) -> None:
    """N33: who gets what is decided at delivery."""
    end_share(people.olivia.actor, share=people.olivia.offer(people.rita, people.courtyard))
    assert sent() == []


def test_a_withdrawn_offer_was_nobodys_loss(people: cast.Cast) -> None:
    share = people.olivia.offer(people.rita, people.courtyard)
    sent()
    end_share(people.olivia.actor, share=share)
    assert sent() == []


def test_unbinding_tells_why(people: cast.Cast) -> None:
    """VA-18, VA-23."""
    device = get_camera(people.olivia.actor, people.counter).device
    assert device
    unbind_device(people.olivia.actor, device=device)
    assert [to for to, _ in sent()] == [[people.vera.email]]


def test_known_people_are_led_in_and_others_to_sign_up(people: cast.Cast) -> None:
    """VA-5: the same words but for the way; the secret way is for the one address, and ends with the offer."""
    people.olivia.offer(people.rita, people.courtyard)
    share = people.olivia.offer("new@example.org", people.courtyard)
    mails = {message["To"]: text_of(message) for message in whole()}
    assert "/join/" not in mails[people.rita.email]
    secret = re.search(r"/join/([\w-]{43})", mails["new@example.org"])
    assert secret
    assert find_join_address(secret[1]) == "new@example.org"
    assert find_join_address(secret[1][:-1]) == ""
    assert secret[1] not in repr(Share.objects.values_list())
    end_share(people.olivia.actor, share=share)
    assert find_join_address(secret[1]) == ""


def test_links_lead_to_us_and_nowhere_else(people: cast.Cast) -> None:
    """N3, N10: every address in every mail begins with BELVEDERE_URL."""
    people.olivia.offer("new@example.org", people.courtyard)
    people.olivia.share(people.rita, people.courtyard)
    for message in whole():
        links = re.findall(r"""(?:https?:)?//[^\s"'<>]+""", text_of(message))
        assert links
        assert all(link.startswith("http://localhost:8000/") for link in links), links
        assert "src=" not in text_of(message)


WILD = ["=cmd()|x", "<script>alert(1)</script>", 'O\'Neill & "Söhne"', "{{ 7|add:7 }}", "x" * 80, "%(name)s", "李小龙"]


@pytest.mark.parametrize("name", WILD)
def test_names_are_words_in_mails(people: cast.Cast, name: str) -> None:
    """N32: in head, text and HTML; the verified address always stands beside the name."""
    rename(people.olivia.actor, name=name)
    device = get_camera(people.olivia.actor, people.courtyard).device
    assert device
    rename_device(people.olivia.actor, device=device, name=name)
    people.olivia.offer(people.rita, people.courtyard)
    (message,) = whole()
    assert [key for key in message if key.lower() in {"bcc", "cc"}] == []
    assert "\n" not in message["Subject"]
    assert name in message["Subject"] or len(name) > 40
    assert people.olivia.email in text_of(message)
    assert "<script>" not in next(part.get_content() for part in message.walk() if part.get_content_subtype() == "html")  # type: ignore[attr-defined]
    plain = next(part.get_content() for part in message.walk() if part.get_content_subtype() == "plain")  # type: ignore[attr-defined]
    assert name in " ".join(plain.split()) or len(name) > 40


def test_an_end_is_named(people: cast.Cast) -> None:
    """B-5: who is offered something for a while reads for how long."""
    end = clock.now() + timedelta(days=40)
    offer_share(
        people.olivia.actor,
        recipient=people.rita.email,
        items=[Item(people.courtyard, Permission.LIVE_VIEW)],
        ends_at=end,
    )
    (message,) = whole()
    assert str(end.day) in text_of(message)
    assert end.strftime("%B") in text_of(message) or end.strftime("%b") in text_of(message)
