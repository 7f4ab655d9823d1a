"""Somebody one shares with: the note on him, the end of all of it; one's own QR code, and reading another's."""

from typing import Final
from urllib.parse import urlencode

import segno
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from belvedere.control.accounts import services as accounts
from belvedere.control.accounts.texts import can_send
from belvedere.control.core.errors import Invalid, NotFound, Refusal
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.services.labels import MAX_FRAME, MAX_PICTURE, read_label
from belvedere.control.sharing import services
from belvedere.control.sharing.selectors import count_given, foresee_removal, get_given, list_given, list_recipients
from belvedere.control.web.access import consequence_lines
from belvedere.control.web.errors import answers_refusals
from belvedere.control.web.sharing import face, given_card

#: shares of one recipient on a page
PAGE: Final = 30


@require_http_methods(["GET", "POST"])
@answers_refusals
def recipient(request: HttpRequest, recipient_id: str) -> HttpResponse:
    """One of those one shares with, and what he has; POST changes the private note."""
    actor = principal_of(request)
    if request.method == "POST":
        services.set_remark(actor, recipient=recipient_id, remark=request.POST.get("remark", ""))
        messages.success(request, _("Saved."))
        return redirect("recipient", recipient_id)
    row = next((row for row in list_recipients(actor) if row.id == recipient_id), None)
    if row is None:
        raise NotFound
    shares = list_given(actor, recipient=row.id, before=request.GET.get("before", "")[:26], limit=PAGE + 1)
    context = {
        "nav": "sharing",
        "person": face(row.id, row.name or row.address) | {"email": row.address},
        "recipient": row,
        "consequence": consequence_lines(foresee_removal(actor, row.id)),
        "shares": [given_card(share) for share in shares[:PAGE]],
        "count": count_given(actor, row.id),
        "more": urlencode({"before": shares[PAGE - 1].id}) if len(shares) > PAGE else "",
    }
    return render(request, "web/recipient.html", context)


@require_POST
@answers_refusals
def recipient_remove(request: HttpRequest, recipient_id: str) -> HttpResponse:
    """End everything shared with him; then the receipt (HC-22)."""
    return redirect("receipt", services.remove_recipient(principal_of(request), recipient=recipient_id))


@require_POST
@answers_refusals
def share_link(request: HttpRequest, share_id: str) -> HttpResponse:
    """A link to an offer by telephone number, to be handed over: the page that answers shows it, once."""
    actor = principal_of(request)
    link = services.make_join_link(actor, share=share_id)
    context = {
        "nav": "sharing",
        "share": given_card(get_given(actor, share_id)),
        "link": link,
        "qr": _drawn(link),
        "can_text": can_send(),
    }
    return render(request, "web/share_link.html", context)


def _drawn(text: str) -> SafeString:
    """As a QR code in SVG."""
    drawn = segno.make(text, error="m").svg_inline(omitsize=True, border=2, dark="#0E1418", light="#fff")
    return mark_safe(drawn)  # noqa: S308  # paths that segno drew; no text of anybody's stands in them


# ── QR codes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "POST"])
@answers_refusals
def account_qr(request: HttpRequest) -> HttpResponse:
    """One's own code (HC-8); POST renews it (HC-9)."""
    actor = principal_of(request)
    if request.method == "POST":
        accounts.renew_qr(actor)
        messages.success(request, _("This is your new code. Pictures of the old one lead to nobody."))
        return redirect("account-qr")
    found = accounts.show_qr(actor)
    context = {
        "nav": "account",
        "qr": _drawn(found.address),
        "created_at": found.created_at,
    }
    return render(request, "web/account_qr.html", context)


@require_GET
@answers_refusals
def recipient_met(request: HttpRequest, code: str) -> HttpResponse:
    """Where a telephone's own camera leads with somebody's code: to the form that reads it. Nothing happens yet."""
    return _scan_page(request, text=code[:64])


@require_http_methods(["GET", "POST"])
@answers_refusals
def recipient_scan(request: HttpRequest) -> HttpResponse:
    """Scan somebody's code by the camera or in a picture; on to what to share with him.

    A frame of the camera is answered with its code's text alone, or with nothing: many of them come.
    """
    if request.method == "GET":
        return _scan_page(request)
    actor = principal_of(request)
    picture = request.FILES.get("picture")
    if isinstance(picture, UploadedFile) and request.POST.get("frame"):
        try:
            return JsonResponse({"text": read_label(actor, picture=picture.read(MAX_FRAME + 1), is_frame=True).text})
        except Invalid:
            return HttpResponse(status=204)
    try:
        text = request.POST.get("text", "")
        if isinstance(picture, UploadedFile):
            text = read_label(actor, picture=picture.read(MAX_PICTURE + 1)).text
        if not text.strip():
            raise Invalid(_("Scan a code, or choose a picture of one."), field="text")
        added = services.add_recipient(actor, qr=text)
    except Refusal as refusal:
        return _scan_page(request, message=refusal.message, status=refusal.status)
    to = next(row.address for row in list_recipients(actor) if row.id == added)
    query = {"step": "cameras", "to": to} | ({"camera": camera} if (camera := request.POST.get("camera")) else {})
    return redirect(f"{reverse('share')}?{urlencode(query)}")


def _scan_page(request: HttpRequest, *, text: str = "", message: str = "", status: int = 200) -> HttpResponse:
    camera = (request.POST if request.method == "POST" else request.GET).get("camera", "")[:26]
    context = {"nav": "sharing", "text": text, "message": message, "camera": camera}
    return render(request, "web/recipient_scan.html", context, status=status)
