"""Keeping the report of a handover: once, in the transaction that makes it true."""

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core.principal import Principal
from belvedere.control.handover.models import Handover, KeptReport
from belvedere.control.handover.report_facts import make_report, report_of_handover
from belvedere.control.handover.report_seal import seal


@unguarded("asked by the acceptance, which has decided on both sides; what is read is the new owner's own")
@transaction.atomic
def keep_report(actor: Principal, *, handover: str) -> str:
    """Write down what is so now that everything has changed hands; the report's digest.

    `actor` is the new owner. Once: a second time changes nothing.
    """
    row = Handover.objects.select_related("giver", "receiver").get(pk=handover)
    kept = KeptReport.objects.filter(pk=handover).values_list("digest", flat=True).first()
    if kept:
        return kept
    report = make_report(actor, kind=row.kind, subject=row.became or row.thing)  # type: ignore[arg-type]  # the same three words
    sealed = seal(report_of_handover(report, row))
    KeptReport.objects.create(
        handover=row,
        made_at=report.made_at,
        text=sealed.text,
        digest=sealed.digest,
        key=sealed.key,
        signature=sealed.signature,
    )
    write_entry(
        actor=actor,
        action="handover.reported",
        thing=f"handover:{row.pk}",
        organization=report.organization,
        digest=sealed.digest,
    )
    return sealed.digest
