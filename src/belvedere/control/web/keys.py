"""The public keys of this installation, for whoever verifies what it signed."""

import base64

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from belvedere.control.audit import heads
from belvedere.control.core import signing
from belvedere.control.handover import report_seal
from belvedere.control.recordings import manifests


@require_GET
def public_keys(_request: HttpRequest) -> JsonResponse:
    """`{"keys": [{"id", "use", "algorithm", "public_key"}]}`: exports, heads of the audit, reports. Base64."""
    found = [
        {
            "id": signing.key_id(name),
            "use": name,
            "algorithm": "Ed25519",
            "public_key": base64.b64encode(signing.public_key(name)).decode(),
        }
        for name in (manifests.KEY, heads.KEY, report_seal.KEY)
    ]
    return JsonResponse({"keys": found})
