"""Whatever answers under the API's addresses, a program reads the same kind of error from it."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from belvedere.control.api.problems import problem

PREFIX: Final = "/api/v1/"

#: status → stable code, for errors that Django answers before or after any operation of ours
_CODES: Final = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    421: "wrong_host",
    500: "server_error",
}


def problems_under_api(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Turn Django's own error pages under the API into problem documents."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if (
            not request.path_info.startswith(PREFIX)
            or response.status_code < 400
            or "json" in response.get("Content-Type", "")
        ):
            return response
        answer = problem(response.status_code, _CODES.get(response.status_code, "refused"), _words(response))
        if "Allow" in response:
            answer["Allow"] = response["Allow"]
        return answer

    return middleware


def _words(response: HttpResponse) -> str:
    if response.status_code == 404:
        return _("There is nothing here, or nothing that you may see.")
    if response.status_code == 405:
        return _("This address takes other methods: see Allow.")
    if response.status_code == 421:
        return _("This server does not go by that name.")
    if response.status_code >= 500:
        return _("That went wrong on our side, and was noted. Try again; if it stays so, tell who runs this server.")
    return _("That request makes no sense here. Nothing was changed.")
