"""What programs may rely on stands in the repository and is what we serve."""

import json
from pathlib import Path
from typing import Any

from belvedere.control.api.app import api
from belvedere.control.api.rules import RULES

FILE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def test_the_document_is_what_is_served() -> None:
    """After a change: `python tools/openapi.py`, and review the difference like code."""
    assert document() == json.loads(json.dumps(api.get_openapi_schema(), default=str))


def test_it_names_every_operation_once() -> None:
    operations = {
        (method.upper(), path.removeprefix("/api/v1/")): operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == set(RULES)
    assert len({row["operationId"] for row in operations.values()}) == len(operations)


def test_every_operation_says_how_it_refuses() -> None:
    """Errors are problem documents; who may not come in reads 401."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            assert "401" in operation["responses"]
            if "{" in path:
                assert "404" in operation["responses"], (method, path)
            if "requestBody" in operation:
                assert "422" in operation["responses"], (method, path)
            for status, answer in operation["responses"].items():
                schema = answer.get("content", {}).get("application/json", {}).get("schema")  # a file has none
                assert (schema == {"$ref": "#/components/schemas/ProblemOut"}) == (int(status) >= 400), (method, path)


def test_no_example_holds_a_secret() -> None:
    """N37."""
    assert "canary" not in FILE.read_text(encoding="utf-8")
    assert "bv_0" not in FILE.read_text(encoding="utf-8")
