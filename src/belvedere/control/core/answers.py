"""What a request that only reads was told already, so that no page asks the same question twice.

It begins with the request, hangs on its actor, and is over with the first statement that is no question: after a write
everything is asked anew. No service decides by it (`access.guard`), and no request that may write has one.
"""

from collections.abc import Callable, Hashable
from typing import Any


class Answers:
    """What one request was told; nothing any more once it is over."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[Hashable, Any] | None = {}

    def once[R](self, question: Hashable, ask: Callable[[], R]) -> R:
        """The answer to `question`: by asking, the first time. A refusal is asked for every time."""
        if self._told is not None and question in self._told:
            known: R = self._told[question]
            return known
        found = ask()
        if self._told is not None:  # not even if it wrote itself
            self._told[question] = found
        return found

    def end(self) -> None:
        """From now on everything is asked anew."""
        self._told = None

    def watch(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Django's wrapper round every statement: whatever is no plain question ends it, savepoints too."""
        if not sql.lstrip().startswith("SELECT"):
            self.end()
        return execute(sql, params, many, context)
