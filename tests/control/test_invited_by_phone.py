"""An invitation goes to a telephone number too, where the account has proven one (VV-2)."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

import cast
from belvedere.config import Settings
from belvedere.control.access.roles import Role
from belvedere.control.accounts import services as accounts
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.organizations.selectors import list_organizations, list_received_invitations
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    accept_invitation_by_token,
    create_organization,
    invite_member,
)
from belvedere.control.outbox.services import run_due

NUMBER = "+34600123456"
VIEWER = Wish(role=Role.VIEWER, sites="all")


@pytest.fixture
def texts(settings: Any, tmp_path: Path) -> Path:
    """Where the embedded sender puts texts."""
    settings.BELVEDERE = Settings.from_env({"BELVEDERE_DATA": str(tmp_path)})
    return tmp_path / "outbox"


def last_text(texts: Path) -> str:
    run_due()
    return max(texts.glob("text-*.txt"), key=lambda file: file.stat().st_mtime_ns).read_text(encoding="utf-8")


def prove(person: cast.Person, texts: Path) -> None:
    phone = accounts.add_phone(person.actor, number=NUMBER)
    found = re.search(r"\b(\d{6})\b", last_text(texts).split("\n\n", 1)[1])
    assert found
    accounts.confirm_phone(person.actor, phone=phone, code=found[1])


def test_whoever_has_proven_the_number_joins_and_nobody_else(people: cast.Cast, texts: Path) -> None:
    """VV-2, VV-13, VV-16, HC-10: any spelling of the number; a text with the link, and no mail."""
    prove(people.rita, texts)
    mail.outbox.clear()
    organization = create_organization(people.olivia.actor, name="Harbour Hotels")
    invitation = invite_member(people.olivia.actor, organization=organization, address="0034 600-123 456", wish=VIEWER)
    text = last_text(texts)
    assert text.startswith(f"To: {NUMBER}\n")
    assert "Harbour Hotels" in text
    assert not mail.outbox
    assert [row.id for row in list_received_invitations(people.rita.actor)] == [invitation]
    with pytest.raises(NotFound):
        accept_invitation(people.xena.actor, invitation=invitation)
    found = re.search(r"/invitations/(\S+)", text)
    assert found
    assert accept_invitation_by_token(None, token=found[1]) == organization
    assert accept_invitation(people.rita.actor, invitation=invitation) == organization
    assert organization in {row.id for row in list_organizations(people.rita.actor)}


def test_a_number_nobody_has_proven_waits_for_its_holder(people: cast.Cast, texts: Path) -> None:
    """N1: known and unknown alike; who proves it later finds the invitation."""
    organization = create_organization(people.olivia.actor, name="Harbour Hotels")
    invitation = invite_member(people.olivia.actor, organization=organization, address=NUMBER, wish=VIEWER)
    run_due()
    assert list_received_invitations(people.rita.actor) == []
    prove(people.rita, texts)
    assert [row.id for row in list_received_invitations(people.rita.actor)] == [invitation]


def test_ones_own_number_and_half_a_number_are_refused(people: cast.Cast, texts: Path) -> None:
    """VV-12."""
    prove(people.olivia, texts)
    organization = create_organization(people.olivia.actor, name="Harbour Hotels")
    for address in (NUMBER, "+34", "0034600"):
        with pytest.raises(Invalid):
            invite_member(people.olivia.actor, organization=organization, address=address, wish=VIEWER)
