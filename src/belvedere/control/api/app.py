"""The API as one object: routers, the gate, and errors as problem documents (RFC 9457)."""

from typing import Any

import structlog
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from belvedere import __version__
from belvedere.control.api import (
    access,
    access_tests,
    accounts,
    audit,
    brokers,
    cameras,
    claims,
    detectors,
    devices,
    events,
    groups,
    guest_links,
    handovers,
    invitations,
    members,
    notifications,
    organizations,
    panels,
    presets,
    providers,
    ptz,
    received,
    recipients,
    recordings,
    recovery,
    reports,
    requests,
    sharing,
    trust,
)
from belvedere.control.api.auth import Gate
from belvedere.control.api.problems import problem
from belvedere.control.core.errors import RateLimited, Refusal, Unauthenticated, Unavailable


class Api(NinjaAPI):
    """ninja's, with names of operations that do not tell how our modules are called."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """`offer_share`: what generated clients call it."""
        return str(operation.view_func.__name__)

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> OpenAPISchema:
        """The document, with the one way for programs to come in."""
        schema = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        schema["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "bearerFormat": "bv_…"}
        }
        return schema


log = structlog.get_logger(__name__)

api = Api(
    title="Belvedere",
    version=__version__,
    description="The owner keeps the keys and shares the view. Errors are problem documents with a stable `code`.",
    urls_namespace="api",
    auth=Gate(),
    openapi_extra={
        "info": {"license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "security": [{"token": []}],
    },
)
for room in (
    accounts,
    organizations,
    members,
    invitations,
    devices,
    panels,
    cameras,
    recordings,
    detectors,
    events,
    recipients,
    received,
    sharing,
    presets,
    ptz,
    groups,
    guest_links,
    requests,
    claims,
    handovers,
    providers,
    reports,
    access,
    access_tests,
    notifications,
    brokers,
    audit,
    trust,
    recovery,
):
    api.add_router("", room.router)


@api.exception_handler(Refusal)
def _refused(_request: HttpRequest, refusal: Refusal) -> HttpResponse:
    response = problem(refusal.status, refusal.code, refusal.message, **refusal.extra)
    if isinstance(refusal, RateLimited):
        response["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, Unauthenticated):
        response["WWW-Authenticate"] = 'Bearer realm="belvedere"'
    return response


@api.exception_handler(ValidationError)
def _invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    # Places and reasons only: pydantic would repeat the input, and that may be a password.
    errors = [{"at": [str(part) for part in row["loc"][1:]], "what": row["msg"]} for row in error.errors]
    return problem(422, "invalid", _("The request does not have the form this operation takes."), errors=errors)


@api.exception_handler(OperationalError)
def _database_gone(_request: HttpRequest, _error: OperationalError) -> HttpResponse:
    # Locked, full or away. Every change is one transaction, so what was asked for was not done in part either.
    log.error("database_does_not_answer")
    response = problem(503, Unavailable.code, Unavailable.default_message())
    response["Retry-After"] = "5"
    return response


@api.exception_handler(HttpError)
def _http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, "bad_request", _("The body of the request cannot be read."))


@api.exception_handler(Http404)
def _absent(_request: HttpRequest, _error: Http404) -> HttpResponse:
    return problem(404, "not_found", _("There is nothing here, or nothing that you may see."))
