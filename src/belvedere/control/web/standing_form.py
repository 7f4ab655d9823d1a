"""The part of a form that says what somebody is and where: read into a wish, and shown as it was typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from belvedere.control.access.roles import TITLES, Role
from belvedere.control.core.errors import Invalid
from belvedere.control.organizations.selectors import Management
from belvedere.control.organizations.services import Wish
from belvedere.control.organizations.standing import WHOLE, Standing, givable
from belvedere.control.web.role_words import MEANINGS, rights_table

#: one role on each site that is chosen, unless the site's own field names another
OF_SITE = "role-"


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields as they were typed: `role` "" = none yet; `roles` holds site → role where one differs."""

    role: str
    is_everywhere: bool
    sites: frozenset[str]
    roles: Mapping[str, str]


def read_draft(data: QueryDict) -> Draft:
    """What a browser sent."""
    return Draft(
        role=data.get("role", ""),
        is_everywhere=data.get("reach") == "all",
        sites=frozenset(data.getlist("site")),
        roles={key.removeprefix(OF_SITE): role for key in data if key.startswith(OF_SITE) and (role := data.get(key))},
    )


def draft_of(standing: Standing) -> Draft:
    """The fields that say what somebody is now."""
    return Draft(
        role=standing.role,
        is_everywhere=standing.sites is None,
        sites=(standing.sites or frozenset()) | standing.overrides.keys(),
        roles=standing.overrides,
    )


def wish_of(draft: Draft, management: Management) -> Wish:
    """What is asked for. Raises Invalid: no role, or one that does not exist."""
    role = _role(draft.role)
    if role in WHOLE:
        # There is no choice of sites for them, so none was made (VV 6).
        return Wish(role=role)
    if role is Role.NO_ACCESS:
        return Wish(role=role, sites="all" if management.is_whole else list(management.sites), overrides={})
    is_everywhere = draft.is_everywhere and management.is_whole
    overrides = {site: _role(name) for site, name in draft.roles.items() if is_everywhere or site in draft.sites}
    return Wish(role=role, sites="all" if is_everywhere else draft.sites - overrides.keys(), overrides=overrides)


def _role(text: str) -> Role:
    if text not in {*Role}:
        raise Invalid(_("Choose a role."), field="role")
    return Role(text)


def standing_fields(draft: Draft, management: Management, *, is_new: bool) -> dict[str, Any]:
    """What `web/_standing_fields.html` needs. Roles beyond the actor's own are absent, not dead (VV 27)."""
    roles = [role for role in givable(management.standing) if not (is_new and role is Role.NO_ACCESS)]
    single = [{"value": role.value, "name": TITLES[role]} for role in givable(management.standing) if role not in WHOLE]
    return {
        "roles": [
            {"value": role.value, "name": TITLES[role], "meaning": MEANINGS[role], "is_chosen": role == draft.role}
            for role in roles
        ],
        "single_roles": single,
        # Once, not five hundred times: most sites have no role of their own chosen.
        "plain_options": render_to_string("web/_role_options.html", {"single_roles": single}),
        "is_whole": management.is_whole,
        "is_everywhere": draft.is_everywhere and management.is_whole,
        "sites": [
            {"id": pk, "name": name, "is_chosen": pk in draft.sites, "role": draft.roles.get(pk, "")}
            for pk, name in management.sites.items()
        ],
        "table": {
            "roles": [TITLES[role] for role in roles if role is not Role.NO_ACCESS],
            "rows": [
                {"label": label, "may": may}
                for label, may in rights_table([role for role in roles if role is not Role.NO_ACCESS])
            ],
        },
    }
