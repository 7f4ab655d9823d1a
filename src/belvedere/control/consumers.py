"""The one table: message → function. What is not in it is refused."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from belvedere.contracts import camera_events, detectors, events, panels, ptz, recordings, sessions, subjects, trials
from belvedere.control.accounts import mails as account_mails
from belvedere.control.accounts import recovery_mails, texts
from belvedere.control.accounts import services as accounts
from belvedere.control.appeals import mails as appeal_mails
from belvedere.control.appeals import services as appeals
from belvedere.control.backups import losses
from belvedere.control.devices import mails as device_mails
from belvedere.control.devices import services as devices
from belvedere.control.devices.selectors import is_key_unwanted
from belvedere.control.events import services as happenings
from belvedere.control.guests import mails as guest_mails
from belvedere.control.guests import services as guests
from belvedere.control.handover import access_test_mails
from belvedere.control.handover import mails as handover_mails
from belvedere.control.handover.services import access_tests, trying
from belvedere.control.notifications import services as notifications
from belvedere.control.organizations import mails as organization_mails
from belvedere.control.organizations import oversight, trust_mails
from belvedere.control.organizations import services as organizations
from belvedere.control.organizations.selectors import get_membership_place
from belvedere.control.outbox.services import Consumer, Handler
from belvedere.control.providers import mails as provider_mails
from belvedere.control.providers import services as providers
from belvedere.control.recordings import services as footage
from belvedere.control.sharing import mails
from belvedere.control.sharing import selectors as sharing_selectors
from belvedere.control.sharing import services as sharing
from belvedere.control.streaming import services as streaming
from belvedere.control.streaming.services import steering


def _cameras_closed(payload: dict[str, Any]) -> None:
    devices.drop_detectors(payload)
    sharing.end_shares_of_closed(payload)
    sharing.drop_closed_cameras(payload)
    guests.end_links_of_closed(payload)
    appeals.end_requests_of_closed(payload)
    _cameras_changed(payload)


def _cameras_changed(payload: dict[str, Any]) -> None:
    try:
        streaming.cut_changed_cameras(payload)
    finally:
        # Also while a node has not answered, and this is done again.
        notifications.take_back_changed(payload)


def _organization_frozen(payload: dict[str, str]) -> None:
    try:
        streaming.cut_frozen_organization(payload)
    finally:
        notifications.take_back_frozen(payload)


def _access_lost(payload: dict[str, str]) -> None:
    try:
        streaming.cut_lost_access(payload)
    finally:
        # Also while a node has not answered, and this is done again.
        notifications.take_back_lost(payload)


def _account_disabled(payload: dict[str, Any]) -> None:
    sharing.end_shares_of_account(payload)
    providers.end_of_account(payload)
    notifications.take_back_of_account(payload)


def _account_erased(payload: dict[str, str]) -> None:
    sharing.erase_private_words(payload)
    organizations.erase_organizations(payload)
    notifications.forget_account(payload)
    notifications.forget_matters(payload)


def _to_recipient(send: Handler) -> Handler:
    """What somebody may see of a share changed: into his inbox, and by mail unless he wants none of that (HC 32)."""

    def tell(payload: dict[str, Any]) -> None:
        told = sharing_selectors.find_told_recipient(payload["share"])
        if told is None or notifications.tell_of_own_rights(
            told[0], event=payload["share"], by=told[1], at=datetime.fromisoformat(payload["at"])
        ):
            send(payload)

    return tell


def _to_member(send: Handler) -> Handler:
    """The same of what a member may do."""

    def tell(payload: dict[str, Any]) -> None:
        account, organization = get_membership_place(payload["membership"])
        if notifications.tell_of_own_rights(
            account,
            event=payload["membership"],
            by=payload["by"],
            at=datetime.fromisoformat(payload["at"]),
            organization=organization,
        ):
            send(payload)

    return tell


#: outbox: kind → what is done after the commit. Inline ones in the same thread: a person waits for the receipt.
OUTBOX: Final[dict[str, Consumer]] = {
    "access.lost": Consumer(_access_lost, inline=True),
    "credential.lost": Consumer(streaming.cut_lost_credentials, inline=True),
    **{kind: Consumer(keep, inline=True) for kind, keep in losses.KEEPERS.items()},
    "cameras.closed": Consumer(_cameras_closed, inline=True),
    "cameras.disabled": Consumer(streaming.cut_changed_cameras, inline=True),
    "cameras.moved": Consumer(_cameras_changed, inline=True),
    "account.matter": Consumer(notifications.tell_of_matter),
    "account.matter_answered": Consumer(notifications.take_back_of_account),
    "rights.changed": Consumer(notifications.tell_of_rights),
    "account.guessed": Consumer(accounts.tell_of_guesses),
    "organization.frozen": Consumer(_organization_frozen, inline=True),
    "account.cancelled": Consumer(guests.end_links_of_account, inline=True),
    "account.disabled": Consumer(_account_disabled),
    "account.erased": Consumer(_account_erased),
    "access_test.started": Consumer(trying.try_access, inline=True),
    "access_test.due": Consumer(access_tests.close_overdue),
    "assignments.changed": Consumer(devices.announce_assignments, inline=True),
    "events.began": Consumer(None, lane="telling"),
    "notification.push": Consumer(None, lane="sending"),
    "notification.close": Consumer(None, lane="sending"),
    "notification.mail": Consumer(None, lane="sending"),
    "notification.webhook": Consumer(None, lane="sending"),
    "notification.mqtt": Consumer(None, lane="sending"),
    "mail.access_test": Consumer(access_test_mails.send_link),
    "mail.account_notice": Consumer(account_mails.send_notice),
    "mail.audit_head": Consumer(oversight.send_audit_head),
    "mail.camera_blinded": Consumer(device_mails.send_blinded),
    "mail.engagement_offered": Consumer(provider_mails.send_offered),
    "mail.engagement_answered": Consumer(provider_mails.send_answered),
    "mail.engagement_ended": Consumer(provider_mails.send_ended),
    "mail.engagement_handed_over": Consumer(provider_mails.send_handed_over),
    "mail.engagement_asked": Consumer(provider_mails.send_asked),
    "mail.engagement_decided": Consumer(provider_mails.send_decided),
    "mail.claim_made": Consumer(appeal_mails.send_claim_made),
    "mail.claim_ended": Consumer(appeal_mails.send_claim_ended),
    "mail.claim_released": Consumer(appeal_mails.send_claim_released),
    "mail.guest_link_paused": Consumer(guest_mails.send_paused),
    "mail.handover_offered": Consumer(handover_mails.send_offered),
    "mail.handover_answered": Consumer(handover_mails.send_answered),
    "mail.invitation_sent": Consumer(organization_mails.send_invitation),
    "mail.invitation_answered": Consumer(organization_mails.send_invitation_answer),
    "mail.member_changed": Consumer(_to_member(organization_mails.send_member_changed)),
    "mail.member_removed": Consumer(_to_member(organization_mails.send_member_removed)),
    "mail.recovery_contact": Consumer(recovery_mails.send_recovery_contact),
    "mail.trust_told": Consumer(trust_mails.send_trust_told),
    "mail.recovery_told": Consumer(recovery_mails.send_recovery_told),
    "mail.recovery_link": Consumer(recovery_mails.send_recovery_link),
    "account.recovery_link_asked": Consumer(accounts.send_link_again),
    "account.recovery": Consumer(organizations.tell_of_recovery),
    "mail.request_made": Consumer(appeal_mails.send_request_made),
    "mail.request_denied": Consumer(appeal_mails.send_request_denied),
    "mail.share_offered": Consumer(mails.send_offer),
    "mail.share_answered": Consumer(mails.send_answer),
    "mail.share_ended": Consumer(mails.send_ended),
    "mail.share_handed_over": Consumer(mails.send_handed_over),
    "mail.share_extended": Consumer(_to_recipient(mails.send_extended)),
    "mail.share_changed": Consumer(_to_recipient(mails.send_changed)),
    "mail.share_ending": Consumer(mails.send_ending),
    "mail.share_lapsing": Consumer(mails.send_lapsing),
    "mail.share_resumed": Consumer(_to_recipient(mails.send_resumed)),
    "mail.share_used": Consumer(mails.send_used),
    "text.phone_code": Consumer(texts.send_phone_code),
}


def _hello(node: str, hello: events.Hello) -> events.HelloReply:
    if hello.node != node:
        return events.HelloReply(accepted=False)
    if devices.record_hello(node, hello):
        streaming.fence_node(node, hello.run)
    return events.HelloReply(accepted=True, is_key_unwanted=is_key_unwanted(node, hello.public_key))


def _open(node: str, request: sessions.OpenRequest) -> sessions.OpenReply:
    reply = streaming.claim_session(node, request)
    if reply.is_probe:
        return reply  # nobody speaks, and nobody gets a file
    if reply.kind is sessions.SessionKind.EXPORT and not reply.lease.is_ended:
        # Where this cannot be written, media gets no answer, and nobody the file.
        footage.record_export_opened(request.session, address=request.peer)
    if reply.kind is sessions.SessionKind.TALK and not reply.lease.is_ended:
        streaming.record_talk_opened(request.session, address=request.peer)
    return reply


def _panel_state(node: str, state: panels.PanelState) -> None:
    devices.record_panel_state(node, state)
    happenings.note_panel_state(state)


class Ear(NamedTuple):
    """What is heard on a subject, and who answers."""

    message: type[msgspec.Struct]
    answer: Callable[..., msgspec.Struct | None]


#: bus: subject → (message, function of node and message). The node is taken from the subject, which the bus guards.
BUS: Final[dict[str, Ear]] = {
    subjects.NODE_HELLO: Ear(events.Hello, _hello),
    subjects.NODE_ASSIGNMENTS: Ear(events.AssignmentsRequest, devices.list_assignments),
    subjects.CAMERA_STATE: Ear(events.CameraState, devices.record_state),
    subjects.PANEL_ASSIGNMENTS: Ear(panels.PanelsRequest, devices.list_panel_assignments),
    subjects.PANEL_STATE: Ear(panels.PanelState, _panel_state),
    subjects.EVENT_FEEDS: Ear(camera_events.EventFeedsRequest, devices.list_event_feeds),
    subjects.EVENT_DETECTORS: Ear(detectors.DetectorsRequest, devices.list_detectors),
    subjects.DETECTOR_STATE: Ear(detectors.DetectorState, devices.record_detector_state),
    subjects.CAMERA_EVENT: Ear(camera_events.EventReports, happenings.record_events),
    subjects.CAMERA_HELM: Ear(ptz.HelmTaken, steering.record_helm),
    subjects.SESSION_OPEN: Ear(sessions.OpenRequest, _open),
    subjects.SESSION_RENEW: Ear(sessions.RenewRequest, streaming.renew_sessions),
    subjects.SESSION_CLOSED: Ear(sessions.SessionClosed, streaming.record_closed),
    subjects.SESSION_TRIED: Ear(trials.Tried, access_tests.record_tried),
    subjects.SESSION_WATCHED: Ear(recordings.SessionWatched, streaming.record_watched),
    subjects.RECORDING_PLANS: Ear(recordings.PlansRequest, footage.list_plans),
    subjects.FOOTAGE_STATE: Ear(recordings.FootageReport, footage.record_footage),
    subjects.EXPORT_PROGRESS: Ear(recordings.ExportProgress, footage.record_export_progress),
    subjects.EXPORT_FINISHED: Ear(recordings.ExportFinished, footage.sign_export),
}
