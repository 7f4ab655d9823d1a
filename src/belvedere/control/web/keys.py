"""The public keys of this installation, those before them too, for whoever verifies what it signed."""

import base64

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from belvedere.control.audit import heads
from belvedere.control.core import signing
from belvedere.control.handover import report_seal
from belvedere.control.recordings import manifests


@require_GET
def public_keys(_request: HttpRequest) -> JsonResponse:
    """`{"keys": [{"id", "use", "algorithm", "public_key", "until"}]}`: exports, heads of the audit, reports. Base64.

    `until`: when it was used no more, null for the one in use. What says to be of later is not ours.
    """
    found = [
        {
            "id": key.id,
            "use": name,
            "algorithm": "Ed25519",
            "public_key": base64.b64encode(key.raw).decode(),
            "until": key.until and key.until.isoformat(),
        }
        for name in (manifests.KEY, heads.KEY, report_seal.KEY)
        for key in signing.list_public_keys(name)
    ]
    return JsonResponse({"keys": found})
