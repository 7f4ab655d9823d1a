"""Settings of the test suite: the same code, a throw-away data folder, quick hashing, plain static files."""

import os
import tempfile

os.environ.setdefault("BELVEDERE_DATA", tempfile.mkdtemp(prefix="belvedere-test-"))
os.environ.setdefault("BELVEDERE_SIGNUP", "open")
os.environ.setdefault("BELVEDERE_REACH", "127.0.0.0/8")
os.environ.setdefault("BELVEDERE_EGRESS", "127.0.0.0/8")

from belvedere.control.settings.base import *  # noqa: F403  # the same settings, changed below
from belvedere.control.settings.base import BELVEDERE, DATABASES

if not BELVEDERE.database_url:
    # A file, as in life: Django's stock choice, one in memory, has no two connections that wait for each other.
    DATABASES["default"]["TEST"] = {"NAME": str(BELVEDERE.data / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
ACCOUNT_RATE_LIMITS = False
MFA_RATE_LIMITS = False
