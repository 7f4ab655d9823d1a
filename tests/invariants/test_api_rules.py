"""Every operation of the API × everybody in the cast × every credential: the two tables of `surface.py`, multiplied.

B-9, HC-2, VA-4, N9, N16.
"""

import pytest

from belvedere.control.accounts.tokens import SCOPES as ALL_SCOPES
from belvedere.control.api.rules import RULES
from belvedere.control.core.ids import new_id
from invariants.conftest import World, success_of
from invariants.surface import ANSWERS, BODIES, CAST, NO_TOKEN, ROUTES, SCOPES, Method, Path, api_operations, id_places

OPERATIONS = sorted(ROUTES)
SPELLED = [f"{method} {path}" for method, path in OPERATIONS]

#: nobody's id: one that could be, and what never could
NOBODYS = [
    "01zzzzzzzzzzzzzzzzzzzzzzzz",
    "x",
    "0",
    "-1",
    "01M80HA2KEZS9GBCTJVWRWZ594",
    "01m80ha2kezs9gbctjvwrwz594' OR '1'='1",
    "%00",
    "\0",
    "..",
    "a" * 64,
    "ｘ",
]


def test_every_operation_has_a_rule_and_a_scope() -> None:
    """An operation that nobody decided about fails here, and answers 404 meanwhile."""
    assert set(ROUTES) == api_operations() == set(RULES)
    assert set(ROUTES.values()) == set(ANSWERS)
    assert all(tuple(answers) == CAST for answers in ANSWERS.values())
    assert set(BODIES) <= set(ROUTES)


def test_scopes_are_those_of_the_table() -> None:
    """N9: literally."""
    runtime = {scope: {operation for operation, of in RULES.items() if of == scope} for scope in ALL_SCOPES}
    assert runtime == SCOPES
    assert {operation for operation, of in RULES.items() if of not in ALL_SCOPES} == {
        operation for operation, rule in ROUTES.items() if rule in NO_TOKEN
    }


@pytest.mark.parametrize("name", CAST)
@pytest.mark.parametrize("operation", OPERATIONS, ids=SPELLED)
def test_everybody_gets_the_answer_of_the_table(world: World, operation: tuple[Method, Path], name: str) -> None:
    rule = ROUTES[operation]
    expected = ANSWERS[rule][name]
    ids = {"share_id": world.people.pats_offer} if rule in {"offered", "offerer"} else {}
    want = success_of(operation) if expected == "ok" else expected
    assert world.call(world.by_session(name), operation, ids).status_code == want


@pytest.mark.parametrize("operation", OPERATIONS, ids=SPELLED)
def test_tokens_get_the_same_answer_or_none(world: World, operation: tuple[Method, Path]) -> None:
    """A token never does more than its holder, and never what only a person may (N9). Refusals change nothing."""
    rule = ROUTES[operation]
    ids = {"share_id": world.people.pats_offer} if rule in {"offered", "offerer"} else {}
    for name in ("xena", "pat" if rule != "offered" else "vera"):
        expected = 403 if rule in NO_TOKEN else ANSWERS[rule][name]
        want = success_of(operation) if expected == "ok" else expected
        assert world.call(world.by_token(name), operation, ids).status_code == want


@pytest.mark.parametrize("scope", sorted(ALL_SCOPES))
def test_a_scope_opens_its_operations_and_no_other(world: World, scope: str) -> None:
    """N9: a token of each scope against each operation."""
    client = world.by_token("xena", [scope])
    for operation in OPERATIONS:
        status = world.call(client, operation).status_code
        if operation in SCOPES[scope]:
            assert status != 401, operation
            assert status != 403, operation
        else:
            assert status == 403, operation


@pytest.mark.parametrize("operation", [row for row in OPERATIONS if id_places(row)], ids=" ".join)
def test_what_one_may_not_see_is_not_there(world: World, operation: tuple[Method, Path]) -> None:
    """N16: an id of another organization, one that never was and one that cannot be: 404, the same bytes."""
    client = world.by_session("xena")
    absent = {name: new_id() for name in world.ids}
    reference = world.call(client, operation, absent)
    if operation == ("POST", "tickets"):
        # One camera's refusal does not stop the others: the code stands in the item, and says the same.
        foreign = world.call(client, operation)
        assert foreign.json()["items"][0] == reference.json()["items"][0] | {"camera": world.ids["camera_id"]}
        return
    assert reference.status_code == 404
    for name in id_places(operation):
        for value in [world.ids[name], *NOBODYS]:
            answer = world.call(client, operation, absent | {name: value})
            assert (answer.status_code, answer.content) == (404, reference.content), (name, value)
            assert {*answer.headers} == {*reference.headers}
