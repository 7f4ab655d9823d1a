"""Settings of the control plane. Values come from `belvedere.config.Settings`; reasons stand beside what surprises."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.utils.translation import gettext_lazy as _

from belvedere.config import Settings
from belvedere.control.core.vault import derive_from
from belvedere.keyring import current_key, list_keys

BELVEDERE = Settings.from_env()
CONTROL = Path(__file__).resolve().parent.parent

BELVEDERE.data.mkdir(parents=True, exist_ok=True, mode=0o700)
current_key(BELVEDERE.master_key_file)
_django = BELVEDERE.master_key_file.with_name("django.key")
_since = current_key(_django).since
*_former, SECRET_KEY = (
    base64.urlsafe_b64encode(derive_from(key.file, "django")).decode() for key in list_keys(_django)
)
#: What the key before it signed counts for seven days more: links in mails, places in lists.
SECRET_KEY_FALLBACKS = _former[-1:] if datetime.now(UTC) - _since < timedelta(days=7) else []

DEBUG = False
IS_HTTPS = BELVEDERE.url.startswith("https://")
# Literal names only: a foreign Host is refused, which ends DNS rebinding (N39).
ALLOWED_HOSTS = list(dict.fromkeys([urlsplit(BELVEDERE.url).hostname or "", "localhost", "127.0.0.1", "[::1]"]))
CSRF_TRUSTED_ORIGINS = [BELVEDERE.url]

APPS = (
    "audit",
    "outbox",
    "accounts",
    "access",
    "organizations",
    "devices",
    "streaming",
    "recordings",
    "events",
    "sharing",
    "guests",
    "appeals",
    "providers",
    "notifications",
    "handover",
)
INSTALLED_APPS = [
    *(f"belvedere.control.{name}" for name in APPS),
    "belvedere.control.web",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    # Or its docs page loads a CDN.
    "ninja",
]
MIDDLEWARE = [
    "belvedere.control.web.middleware.security_headers",
    "belvedere.control.api.middleware.problems_under_api",
    "belvedere.control.web.middleware.known_hosts",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "belvedere.control.web.middleware.renew_sessions",
    "belvedere.control.web.middleware.ask_once",
    "belvedere.control.web.middleware.guard_pages",
]
ROOT_URLCONF = "belvedere.control.urls"
WSGI_APPLICATION = "belvedere.control.asgi.django_application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [CONTROL / "web" / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "belvedere.control.web.context.frame",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
        },
    }
]

#: Django's 300 would let whoever makes many keys push other people's limits out.
MAX_CACHED = 100_000
if BELVEDERE.database_url:
    DATABASES = {"default": dj_database_url.parse(BELVEDERE.database_url, conn_max_age=None)}
    CACHES = {
        "default": {
            "BACKEND": "belvedere.control.core.counting.CountingCache",
            "LOCATION": "cache",
            "OPTIONS": {"MAX_ENTRIES": MAX_CACHED},
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(BELVEDERE.data / "belvedere.sqlite3"),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # Write locks are taken when a transaction begins: DEFERRED ones fail with "database is locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # FULL: a receipt that was shown must survive a power cut.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728;"
                "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-20000; PRAGMA temp_store=MEMORY;",
            },
        }
    }
    # One control process: its own memory is shared enough.
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": MAX_CACHED},
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [CONTROL / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = BELVEDERE.data / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    # Names with a hash in them may be cached for ever. The compressing variant took ten times as long.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=1).total_seconds())
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "wall"

SESSION_ENGINE = "belvedere.control.accounts.sessions"
SESSION_COOKIE_NAME = "__Host-bv" if IS_HTTPS else "bv"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_USE_SESSIONS = True
CSRF_FAILURE_VIEW = "belvedere.control.web.errors.csrf_failure"

ACCOUNT_ADAPTER = "belvedere.control.web.account_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "belvedere.control.web.account_forms.NameForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_HTTPS else "http"
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "signup": "20/h/ip",
    "reset_password": "20/h/ip,5/h/key",
}

ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = int(timedelta(minutes=10).total_seconds())

MFA_ADAPTER = "belvedere.control.accounts.factor_adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "belvedere.control.web.factor_forms.CodeForm",
    "reauthenticate": "belvedere.control.web.factor_forms.CodeAgainForm",
    "authenticate_webauthn": "belvedere.control.web.factor_forms.PasskeyForm",
    "reauthenticate_webauthn": "belvedere.control.web.factor_forms.PasskeyAgainForm",
    "login_webauthn": "belvedere.control.web.factor_forms.PasskeySignInForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
# Guessed at most ten times in five minutes, and sealed at rest instead of hashed.
MFA_RECOVERY_CODE_DIGITS = 12
MFA_RECOVERY_CODE_COUNT = 10
# Else who has a second factor could add no address. What is not confirmed is worth nothing here anyway.
MFA_ALLOW_UNVERIFIED_EMAIL = True

DEFAULT_FROM_EMAIL = BELVEDERE.email_from
if BELVEDERE.email_url:
    _mail = urlsplit(BELVEDERE.email_url)
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {
                "host": _mail.hostname,
                "port": _mail.port or (465 if _mail.scheme == "smtps" else 587),
                "username": unquote(_mail.username or ""),
                "password": unquote(_mail.password or ""),
                "use_ssl": _mail.scheme == "smtps",
                "use_tls": "starttls" in _mail.query,
                "timeout": 10,
            },
        }
    }
else:
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "OPTIONS": {"file_path": str(BELVEDERE.mail_folder)},
        }
    }

# Behind a front door whose address the operator named, and only then (see web.middleware).
USE_X_FORWARDED_HOST = False
SECURE_CONTENT_TYPE_NOSNIFF = False  # our own middleware sets every header, on every answer
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# A picture of a label is all that anybody uploads: it stays in memory, and what is larger is not even read.
FILE_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["belvedere.control.web.uploads.SmallUploads"]
LOGGING_CONFIG = None
