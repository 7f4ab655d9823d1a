"""Every service says what it demands; every message has one who hears it; no migration waits."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.management import call_command

import belvedere.control
from belvedere.contracts import subjects
from belvedere.control.access.guard import REGISTRY
from belvedere.control.consumers import BUS, OUTBOX
from belvedere.control.notifications.parcels import KINDS
from belvedere.control.notifications.taken_back import CLOSE

CONTROL = Path(belvedere.control.__file__).parent

#: Called by other services, inside their transaction and after their guard: never by an interface.
BENEATH_A_GUARD = {
    "belvedere.control.access.services.grant",
    "belvedere.control.access.services.end_grants",
    "belvedere.control.access.services.lift_suspension",
    "belvedere.control.access.services.hand_grants",
    "belvedere.control.accounts.services.credentials.end_credentials",
    "belvedere.control.accounts.services.credentials.end_other_credentials",
    "belvedere.control.audit.services.erase_fields",
    "belvedere.control.audit.services.register_listener",
    "belvedere.control.audit.services.write_entry",
    "belvedere.control.devices.services.panels.close_panels",
    "belvedere.control.handover.services.access_tests.finish_test",
    "belvedere.control.devices.services.transferring.check_transfer_reach",
    "belvedere.control.handover.services.closing.close_offer",
    "belvedere.control.handover.services.closing.drop_plans",
    "belvedere.control.handover.services.closing.expire",
    "belvedere.control.handover.services.closing.tell",
    "belvedere.control.handover.services.closing.write_plan_entry",
    "belvedere.control.handover.services.offering.find_as",
    "belvedere.control.handover.services.offering.is_addressed_to",
    "belvedere.control.handover.services.offering.return_to_plan",
    "belvedere.control.handover.services.planning.find_draft",
    "belvedere.control.handover.services.taking.list_brought_back",
    "belvedere.control.handover.services.taking.settle_engagements",
    "belvedere.control.handover.services.taking.settle_shares",
    "belvedere.control.events.services.beginning.announce",
    "belvedere.control.guests.services.ending.close_link",
    "belvedere.control.guests.services.giving.project",
    "belvedere.control.organizations.services.founding.hold_organization",
    "belvedere.control.organizations.services.freezing.require_thawed",
    "belvedere.control.organizations.services.members.touch_membership",
    "belvedere.control.organizations.services.projection.list_open_sites",
    "belvedere.control.organizations.services.projection.project",
    "belvedere.control.organizations.services.projection.write_standing",
    "belvedere.control.organizations.services.telling.tell_everyway",
    "belvedere.control.organizations.services.telling.tell_account",
    "belvedere.control.organizations.services.telling.tell_watchers",
    "belvedere.control.organizations.services.recovering.pass_on",
    "belvedere.control.organizations.services.sites.close_site",
    "belvedere.control.devices.services.binding.open_source",
    "belvedere.control.devices.services.probing.draft_device",
    "belvedere.control.devices.services.probing.organization_of",
    "belvedere.control.devices.services.probing.probe",
    "belvedere.control.devices.services.probing.stands_where_bound",
    "belvedere.control.organizations.services.sites.touch_site",
    "belvedere.control.outbox.services.enqueue",
    "belvedere.control.outbox.services.enqueue_many",
    "belvedere.control.streaming.services.issue_ticket",
    "belvedere.control.streaming.services.probing.issue_probe",
}
#: Accounts stand below access: what these change is the actor's own, found by his id.
OF_ONES_OWN_ACCOUNT = {
    "belvedere.control.accounts.services.account.make_address_primary",
    "belvedere.control.accounts.services.account.remove_address",
    "belvedere.control.accounts.services.account.rename",
    "belvedere.control.accounts.services.credentials.create_token",
    "belvedere.control.accounts.services.credentials.end_other_sessions",
    "belvedere.control.accounts.services.credentials.end_session",
    "belvedere.control.accounts.services.credentials.note_token_use",
    "belvedere.control.accounts.services.credentials.revoke_token",
    "belvedere.control.accounts.services.factors.activate_app",
    "belvedere.control.accounts.services.closing.close_sign_in",
    "belvedere.control.accounts.services.closing.reopen_account",
    "belvedere.control.accounts.services.factors.add_passkey",
    "belvedere.control.accounts.services.factors.make_recovery_codes",
    "belvedere.control.accounts.services.factors.remove_app",
    "belvedere.control.accounts.services.factors.remove_passkey",
    "belvedere.control.accounts.services.factors.rename_passkey",
    "belvedere.control.accounts.services.phones.add_phone",
    "belvedere.control.accounts.services.phones.confirm_phone",
    "belvedere.control.accounts.services.phones.remove_phone",
    "belvedere.control.accounts.services.duress.cancel_all",
    "belvedere.control.accounts.services.regaining.ask_for_recovery_link",
    "belvedere.control.accounts.services.regaining.begin_recovery",
    "belvedere.control.accounts.services.regaining.refuse_recovery",
    "belvedere.control.accounts.services.regaining.stop_recovery",
    "belvedere.control.accounts.services.recovery.add_recovery_contact",
    "belvedere.control.accounts.services.recovery.confirm_recovery_contact",
    "belvedere.control.accounts.services.recovery.decline_recovery_contact",
    "belvedere.control.accounts.services.recovery.drop_recovery_contacts",
    "belvedere.control.accounts.services.recovery.remove_recovery_contact",
    "belvedere.control.accounts.services.qr.renew_qr",
    "belvedere.control.accounts.services.sign_ins.confirm_sign_in",
    "belvedere.control.accounts.services.sign_ins.deny_sign_in",
    "belvedere.control.accounts.services.sign_ins.dismiss_many_places",
    "belvedere.control.accounts.services.qr.show_qr",
}
#: The operator's and the server's own acts, from the command line and from sign-in.
OF_THE_SERVER = {
    "belvedere.control.accounts.services.account.create_account",
    "belvedere.control.accounts.services.account.disable_account",
    "belvedere.control.accounts.services.account.enable_account",
    "belvedere.control.accounts.services.account.notice_many_places",
    "belvedere.control.accounts.services.account.reset_unproven_credentials",
    "belvedere.control.accounts.services.closing.erase_closed_accounts",
    "belvedere.control.accounts.services.credentials.end_all_credentials",
    "belvedere.control.accounts.services.credentials.end_every_credential",
    "belvedere.control.accounts.services.duress.announce_panic",
    "belvedere.control.accounts.services.phones.drop_phones",
    "belvedere.control.accounts.services.recovery.forget_recovery_contacts",
    "belvedere.control.accounts.services.recovery.make_reset_link",
    "belvedere.control.accounts.services.regaining.send_link_again",
    "belvedere.control.accounts.services.regaining.settle_recoveries",
    "belvedere.control.accounts.services.factors.spend_recovery_code",
    "belvedere.control.accounts.services.credentials.issue_token",
    "belvedere.control.accounts.services.factors.note_passkey_use",
    "belvedere.control.accounts.services.factors.remove_all_factors",
    "belvedere.control.accounts.services.factors.use_code",
    "belvedere.control.accounts.services.sign_ins.forget_sign_ins",
    "belvedere.control.accounts.services.sign_ins.note_sign_in",
    "belvedere.control.accounts.services.sign_ins.note_wrong_code",
    "belvedere.control.accounts.services.sign_ins.note_wrong_password",
}
#: The outbox's own hands, and handlers that it alone calls.
OF_THE_OUTBOX = {
    "belvedere.control.handover.services.access_tests.close_overdue",
    "belvedere.control.handover.services.trying.try_access",
    "belvedere.control.accounts.services.sign_ins.tell_of_guesses",
    "belvedere.control.outbox.services.register",
    "belvedere.control.outbox.services.run",
    "belvedere.control.outbox.services.run_due",
    "belvedere.control.outbox.services.purge",
    "belvedere.control.outbox.services.put_off",
    "belvedere.control.outbox.services.settle",
    "belvedere.control.outbox.services.take",
    "belvedere.control.devices.services.reports.announce_assignments",
    "belvedere.control.streaming.services.cut_lost_access",
    "belvedere.control.streaming.services.cut_lost_credentials",
    "belvedere.control.streaming.services.cut_changed_cameras",
    "belvedere.control.streaming.services.cut_frozen_organization",
}
#: Words and forms, which read and write nothing.
PURE = {
    "belvedere.control.devices.services.probing.explain_inspection",
    "belvedere.control.devices.services.probing.explain_probe",
    "belvedere.control.devices.services.transferring.without_credentials",
    "belvedere.control.guests.services.giving.check_bounds",
    "belvedere.control.handover.services.closing.is_forgotten",
    "belvedere.control.handover.services.closing.refuse_over",
    "belvedere.control.guests.services.giving.check_permissions",
    "belvedere.control.guests.services.giving.hash_passcode",
    "belvedere.control.guests.services.giving.written",
    "belvedere.control.organizations.services.founding.clean_zone",
    "belvedere.control.organizations.services.founding.parse_reach",
    "belvedere.control.organizations.services.members.describe",
    "belvedere.control.organizations.services.members.read_wish",
    "belvedere.control.organizations.services.members.resolve_wish",
}


def services() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Dotted name and function of every public service."""
    for module in pkgutil.iter_modules(belvedere.control.__path__):
        try:
            room = importlib.import_module(f"belvedere.control.{module.name}.services")
        except ModuleNotFoundError:
            continue
        rooms = [room, *_parts_of(room)]
        for part in rooms:
            for name, function in inspect.getmembers(part, inspect.isfunction):
                if function.__module__ == part.__name__ and not name.startswith("_"):
                    yield f"{part.__name__}.{name}", function


def _parts_of(room: ModuleType) -> list[ModuleType]:
    """The modules of services that have become a folder."""
    return [
        importlib.import_module(f"{room.__name__}.{part.name}")
        for part in pkgutil.iter_modules(getattr(room, "__path__", []))
    ]


def test_every_service_says_what_it_demands() -> None:
    """B-9: a service without a rule is one that nobody thought about."""
    named = {name for name, _ in services()}
    assert len(named) > 30
    unguarded = BENEATH_A_GUARD | OF_ONES_OWN_ACCOUNT | OF_THE_SERVER | OF_THE_OUTBOX | PURE
    assert named == set(REGISTRY) | unguarded
    assert not set(REGISTRY) & unguarded


def test_every_rule_names_a_permission_or_a_reason() -> None:
    for name, rule in REGISTRY.items():
        assert (rule.permission is None) == bool(rule.reason), name


def test_who_has_an_actor_takes_him_first_and_the_rest_by_name() -> None:
    for name, function in services():
        parameters = list(inspect.signature(inspect.unwrap(function)).parameters.values())
        if any(parameter.name == "actor" for parameter in parameters) and name not in BENEATH_A_GUARD:
            assert parameters[0].name == "actor", name
            assert all(row.kind in {row.KEYWORD_ONLY, row.VAR_KEYWORD} for row in parameters[1:]), name


def test_interfaces_never_call_beneath_the_guard() -> None:
    forbidden = {name.rsplit(".", 1)[1] for name in BENEATH_A_GUARD | OF_THE_OUTBOX} - {"run", "register", "grant"}
    for folder in ("api", "web"):
        for file in (CONTROL / folder).rglob("*.py"):
            called = {
                node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call)
            }
            assert not called & forbidden, file


def _literals(pattern: str) -> set[str]:
    return {found for file in CONTROL.rglob("*.py") for found in re.findall(pattern, file.read_text(encoding="utf-8"))}


def test_every_message_has_a_consumer_and_every_consumer_a_message() -> None:
    sent = {*KINDS.values(), CLOSE}  # in great numbers, by channel
    assert _literals(r'enqueue(?:_many)?\(\s*"([a-z_.]+)"') | sent == set(OUTBOX)


def test_control_hears_everything_that_media_says() -> None:
    assert set(BUS) == set(subjects.FROM_MEDIA)


@pytest.mark.usefixtures("transactional_db")
def test_no_migration_waits() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
