"""Changing organizations: founding them, their sites, their members, and inviting more."""

from belvedere.control.organizations.services.founding import (
    change_owner,
    create_organization,
    edit_organization,
    erase_organizations,
    hold_organization,
    parse_reach,
    register_account,
    set_reach,
)
from belvedere.control.organizations.services.invitations import (
    accept_invitation,
    accept_invitation_by_token,
    cancel_invitation,
    decline_invitation,
    decline_invitation_by_token,
    expire_invitations,
    invite_member,
    resend_invitation,
)
from belvedere.control.organizations.services.members import (
    Wish,
    change_member,
    describe,
    leave_all,
    remove_member,
    touch_membership,
)
from belvedere.control.organizations.services.sites import (
    FirstSite,
    add_site,
    close_site,
    edit_site,
    found_organization,
    touch_site,
)

__all__ = [
    "FirstSite",
    "Wish",
    "accept_invitation",
    "accept_invitation_by_token",
    "add_site",
    "cancel_invitation",
    "change_member",
    "change_owner",
    "close_site",
    "create_organization",
    "decline_invitation",
    "decline_invitation_by_token",
    "describe",
    "edit_organization",
    "edit_site",
    "erase_organizations",
    "expire_invitations",
    "found_organization",
    "hold_organization",
    "invite_member",
    "leave_all",
    "parse_reach",
    "register_account",
    "remove_member",
    "resend_invitation",
    "set_reach",
    "touch_membership",
    "touch_site",
]
