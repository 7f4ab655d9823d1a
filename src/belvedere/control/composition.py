"""Who answers for what: the guard's resolvers and the outbox's consumers, set once when Django is ready."""

from belvedere.control.access.guard import register_resolver
from belvedere.control.accounts.selectors import register_others
from belvedere.control.audit.services import register_listener
from belvedere.control.consumers import OUTBOX
from belvedere.control.devices.panels import find_panel_path
from belvedere.control.devices.selectors import find_camera_path, find_device_path
from belvedere.control.devices.uses import register_claim, register_witness
from belvedere.control.guests.selectors import find_guests
from belvedere.control.guests.services import end_uncovered_links
from belvedere.control.notifications.rights import hear_of_rights
from belvedere.control.organizations.dependents import register_dependent
from belvedere.control.organizations.selectors import find_organization_path, find_site_path, is_member
from belvedere.control.outbox.services import register
from belvedere.control.providers.services import end_uncovered_engagements
from belvedere.control.sharing.selectors import find_preset_path, is_preset_known
from belvedere.control.sharing.services import claim_use, end_uncovered_shares
from belvedere.control.sharing.services.once import note_taken_late


def compose() -> None:
    """Called by `web.apps` when all apps are loaded; a second time changes nothing."""
    register(OUTBOX)
    register_others(find_guests)
    register_listener(hear_of_rights)
    register_dependent(end_uncovered_shares)
    register_dependent(end_uncovered_links)
    register_dependent(end_uncovered_engagements)
    register_claim(claim_use)
    register_witness(note_taken_late)
    register_resolver("organization", find_organization_path, visible=is_member)
    register_resolver("site", find_site_path)
    register_resolver("device", find_device_path)
    register_resolver("camera", find_camera_path)
    register_resolver("panel", find_panel_path)
    register_resolver("preset", find_preset_path, visible=is_preset_known)
