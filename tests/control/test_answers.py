"""What a page was told once it is not asked for again; what was written it is always asked for (rule 6, N11)."""

from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.control.access.guard import find_path
from belvedere.control.access.selectors import GrantsOfPrincipal, grants_of
from belvedere.control.core.answers import Answers
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.devices.services import rename_camera
from belvedere.control.sharing.services import end_share
from belvedere.control.web.middleware import ask_once

pytestmark = pytest.mark.django_db


class TakenBackError(Exception):
    """The transaction is taken back."""


def watched(actor: Principal) -> Principal:
    """The actor of a request that has just begun."""
    return replace(actor, answers=Answers())


def sees(actor: Principal) -> set[str]:
    """The names of what the actor's pages list."""
    return {view.name for view in list_cameras(actor)}


def test_the_same_question_is_asked_once_and_of_each_for_himself() -> None:
    people = cast.gather()
    answers = Answers()
    olivia, vera = (replace(person.actor, answers=answers) for person in (people.olivia, people.vera))
    with CaptureQueriesContext(connection) as queries, connection.execute_wrapper(answers.watch):
        first, again = grants_of(olivia), grants_of(olivia)
        other = grants_of(vera)
    assert first is again
    assert first is not other
    assert set(other.resources) == set(GrantsOfPrincipal(people.vera.id).resources)
    assert len(queries) == 2


def test_without_a_request_everything_is_asked_anew() -> None:
    people = cast.gather()
    assert grants_of(people.olivia.actor) is not grants_of(people.olivia.actor)


def test_what_ended_is_not_remembered() -> None:
    people = cast.gather()
    vera = watched(people.vera.actor)
    assert vera.answers
    with connection.execute_wrapper(vera.answers.watch):
        assert sees(vera)
        end_share(people.olivia.actor, share=people.veras_share)
        assert sees(vera) == set()


def test_what_was_taken_back_is_not_remembered_either() -> None:
    people = cast.gather()
    vera = watched(people.vera.actor)
    assert vera.answers
    before = sees(people.vera.actor)
    with connection.execute_wrapper(vera.answers.watch):
        with pytest.raises(TakenBackError), transaction.atomic():
            _end_and_take_back(people, vera)
        assert sees(vera) == before


def _end_and_take_back(people: cast.Cast, vera: Principal) -> None:
    end_share(people.olivia.actor, share=people.veras_share)
    assert sees(vera) == set()
    raise TakenBackError


def test_where_a_camera_is_is_known_from_reading_it_until_something_is_written() -> None:
    people = cast.gather()
    olivia = watched(people.olivia.actor)
    assert olivia.answers
    with CaptureQueriesContext(connection) as queries, connection.execute_wrapper(olivia.answers.watch):
        get_camera(olivia, people.counter)
        asked = len(queries)
        told = find_path(olivia, "camera", people.counter)
        assert len(queries) == asked
        assert told == find_path(people.olivia.actor, "camera", people.counter)
        rename_camera(people.olivia.actor, camera=people.counter, name="Till")
        written = len(queries)
        assert find_path(olivia, "camera", people.counter) == told
        assert len(queries) == written + 1


def test_a_service_decides_by_nothing_that_was_remembered() -> None:
    people = cast.gather()
    olivia = watched(people.olivia.actor)
    known = grants_of(olivia)
    # No wrapper is there that would have seen it write.
    rename_camera(olivia, camera=people.counter, name="Till")
    assert grants_of(olivia) is not known


def test_a_refusal_is_asked_for_every_time() -> None:
    answers = Answers()
    with pytest.raises(TakenBackError):
        answers.once("question", _refuse)
    assert answers.once("question", lambda: 1) == 1


def _refuse() -> int:
    raise TakenBackError


@pytest.mark.parametrize(("method", "has_any"), [("GET", True), ("HEAD", True), ("POST", False), ("DELETE", False)])
def test_only_requests_that_read_have_any_and_only_as_long_as_they_last(method: str, has_any: bool) -> None:
    found: list[Answers | None] = []

    def page(request: HttpRequest) -> HttpResponse:
        answers = getattr(request, "answers", None)
        found.append(answers)
        if answers:
            answers.once("question", lambda: 1)
        return HttpResponse()

    ask_once(page)(RequestFactory().generic(method, "/"))
    [answers] = found
    assert (answers is not None) is has_any
    if answers:
        assert answers.once("question", lambda: 2) == 2
