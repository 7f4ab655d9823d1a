"""Write docs/reference/openapi.json anew: what programs may rely on, reviewed like code.

python tools/openapi.py [--check]
"""

import json
import os
import sys
import tempfile
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "openapi.json"


def generate() -> str:
    """The document as text, in the order of the code."""
    from belvedere.control.api.app import api

    return json.dumps(api.get_openapi_schema(), indent=1, ensure_ascii=False, default=str) + "\n"


def main() -> int:
    """Write it, or with `--check` say whether it is as it should be."""
    os.environ.setdefault("BELVEDERE_DATA", tempfile.mkdtemp(prefix="belvedere-openapi-"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "belvedere.control.settings.base")
    import django

    django.setup()
    text = generate()
    if "--check" in sys.argv:
        return 0 if FILE.read_text(encoding="utf-8") == text else 1
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
