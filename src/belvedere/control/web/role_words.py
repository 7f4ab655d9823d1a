"""What each role means in people's words, and how somebody's roles on sites are said in one phrase."""

from collections.abc import Collection, Mapping
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import PERMISSIONS, TITLES, Role
from belvedere.control.organizations.standing import Standing, rank

MEANINGS: Final = {
    Role.OWNER: gettext_lazy("Everything, on every site. The one who can hand the organization over"),
    Role.SUPER_ADMIN: gettext_lazy("Everything the owner can, on every site, except to hand the organization over"),
    Role.ADMIN: gettext_lazy("Devices, sharing and people on the chosen sites"),
    Role.OPERATOR: gettext_lazy("Viewer, and may listen, talk, move cameras and be notified"),
    Role.VIEWER: gettext_lazy("Live view and playback"),
    Role.LIVE_ONLY: gettext_lazy("Live view"),
    Role.NO_ACCESS: gettext_lazy("Sees nothing there, and not that it exists"),
}
#: rows of the table that says what each role may do: what it is called, and what it takes
RIGHTS: Final = (
    (gettext_lazy("Watch live"), Permission.LIVE_VIEW),
    (gettext_lazy("Look back"), Permission.PLAYBACK),
    (gettext_lazy("Listen and talk"), Permission.LISTEN | Permission.TALK),
    (gettext_lazy("Move cameras"), Permission.PTZ),
    (gettext_lazy("Be notified"), Permission.NOTIFY),
    (gettext_lazy("Export footage"), Permission.EXPORT),
    (gettext_lazy("Share cameras"), Permission.SHARE),
    (gettext_lazy("Set up devices"), Permission.CONFIGURE),
    (gettext_lazy("Manage people"), Permission.MANAGE),
)
#: so many sites are called by name in one sentence
NAMED: Final = 4


def role_name(role: str) -> str:
    """`super_admin` → “Super Admin”; `service`, who is engaged and no member. What is neither comes back as it is."""
    if role == "service":
        return _("Service provider")
    return str(TITLES[Role(role)]) if role in TITLES else str(role)


def rights_table(roles: Collection[Role]) -> list[tuple[str, list[bool]]]:
    """What each role may do: (right, yes or no for each of `roles`)."""
    return [(str(label), [bits in PERMISSIONS[role] for role in roles]) for label, bits in RIGHTS]


def names_of(names: Collection[str]) -> str:
    """“North”, “North and South”, “North, South and 3 more”."""
    words = list(names)
    if len(words) > NAMED:
        more = len(words) - NAMED + 1
        return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", more) % {
            "names": ", ".join(words[: NAMED - 1]),
            "count": more,
        }
    if len(words) < 2:
        return "".join(words)
    return _("%(names)s and %(last)s") % {"names": ", ".join(words[:-1]), "last": words[-1]}


def holdings(standing: Standing, sites: Mapping[str, str]) -> list[tuple[Role, list[str] | None]]:
    """What somebody is, and where: (role, names of sites | None = every site), the common role first.

    `sites` are those the reader may know, id → name.
    """
    found: list[tuple[Role, list[str] | None]] = []
    if standing.sites is None:
        found.append((standing.role, None))
    elif standing.sites:
        found.append((standing.role, [name for pk, name in sites.items() if pk in standing.sites]))
    others = sorted({*standing.overrides.values()}, key=rank, reverse=True)
    for role in others:
        if role is Role.NO_ACCESS and standing.sites is not None and (found or len(others) > 1):
            continue  # where nothing was given, nothing needs to be taken away
        found.append((role, [name for pk, name in sites.items() if standing.overrides.get(pk) is role]))
    return found or [(Role.NO_ACCESS, None)]


def holding_words(role: Role, names: list[str] | None) -> str:
    """“Viewer of North and South”, “No Access to Pool”, “Super Admin of every site”."""
    place = _("every site") if names is None else names_of(names)
    if role is Role.NO_ACCESS:
        return pgettext("role", "%(role)s to %(sites)s") % {"role": TITLES[role], "sites": place}
    return pgettext("role", "%(role)s of %(sites)s") % {"role": TITLES[role], "sites": place}


def standing_words(standing: Standing, sites: Mapping[str, str]) -> str:
    """All of a standing in one phrase: “Viewer of North, and Admin of South”, “Viewer of every site, but …”."""
    first, *others = [holding_words(role, names) for role, names in holdings(standing, sites)]
    if not others:
        return first
    pattern = _("%(first)s, but %(others)s") if standing.sites is None else _("%(first)s, and %(others)s")
    return pattern % {"first": first, "others": names_of(others)}
