"""Roles: named sets of permissions, and nothing else."""

from enum import StrEnum
from typing import Final

from django.utils.translation import gettext_lazy as _

from belvedere.contracts.permissions import ALL, NONE, Permission


class Role(StrEnum):
    """What a member is, on all sites or on one."""

    OWNER = "owner"
    SUPER_ADMIN = "super_admin"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    LIVE_ONLY = "live_only"
    NO_ACCESS = "no_access"


PERMISSIONS: Final = {
    Role.OWNER: ALL,
    Role.SUPER_ADMIN: ALL,
    Role.ADMIN: ALL,
    Role.OPERATOR: Permission.LIVE_VIEW
    | Permission.PLAYBACK
    | Permission.LISTEN
    | Permission.TALK
    | Permission.PTZ
    | Permission.NOTIFY,
    Role.VIEWER: Permission.LIVE_VIEW | Permission.PLAYBACK,
    Role.LIVE_ONLY: Permission.LIVE_VIEW,
    Role.NO_ACCESS: NONE,
}

#: what people call them
TITLES: Final = {
    Role.OWNER: _("Owner"),
    Role.SUPER_ADMIN: _("Super Admin"),
    Role.ADMIN: _("Admin"),
    Role.OPERATOR: _("Operator"),
    Role.VIEWER: _("Viewer"),
    Role.LIVE_ONLY: _("Live Only"),
    Role.NO_ACCESS: _("No Access"),
}
