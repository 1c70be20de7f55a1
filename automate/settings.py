"""All settings come from the environment; every default is safe for one machine and nothing installed."""

import base64
import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE
from django.core.exceptions import ImproperlyConfigured

from automate.lib.datafolder import read_or_create

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- where we run ---------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("AUTOMATE_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
PORT = env.int("PORT", default=8000)
STREAM_PORT = env.int("STREAM_PORT", default=PORT + 1)
AUTOMATE_BASE_URL = env.str("AUTOMATE_BASE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
HTTPS = AUTOMATE_BASE_URL.startswith("https://")
BASE_HOST = urlsplit(AUTOMATE_BASE_URL).hostname or "127.0.0.1"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[BASE_HOST, "localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = [AUTOMATE_BASE_URL]
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)  # proxies whose X-Forwarded-For we believe

# --- secrets: made once in the data folder when absent -------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", default="") or read_or_create(
    DATA_DIR / "secret_key", lambda: secrets.token_urlsafe(64), what="the secret key"
)
AUTOMATE_ENCRYPTION_KEYS = env.str("AUTOMATE_ENCRYPTION_KEYS", default="") or read_or_create(
    DATA_DIR / "encryption_keys",
    lambda: f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    what="the encryption key",
)
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY is shorter than 32 characters: choose a longer, random one.")

# --- engine ---------------------------------------------------------------------------------------
AUTOMATE_WORKERS = env.int("AUTOMATE_WORKERS", default=0)  # worker processes; 0: as many as cores
AUTOMATE_SLOTS = env.int("AUTOMATE_SLOTS", default=32)  # runs a worker process holds at a time
# off: for a pooler that gives each transaction another connection and cannot keep statements (PgBouncer before 1.21)
AUTOMATE_PREPARED_STATEMENTS = env.bool("AUTOMATE_PREPARED_STATEMENTS", default=True)
AUTOMATE_LEASE_S = env.float("AUTOMATE_LEASE_S", default=30.0)  # a worker silent for this long is dead
AUTOMATE_EGRESS_ALLOW = tuple(env.list("AUTOMATE_EGRESS_ALLOW", default=[]))  # CIDR, host, host:port
AUTOMATE_CONNECTOR_BASE_URLS = env.json("AUTOMATE_CONNECTOR_BASE_URLS", default={})  # slug → URL
AUTOMATE_OAUTH_CLIENTS = env.json("AUTOMATE_OAUTH_CLIENTS", default={})  # slug → {client_id, client_secret}
AUTOMATE_FAILPOINTS = env.str("AUTOMATE_FAILPOINTS", default="")
if not DEBUG and (AUTOMATE_FAILPOINTS or env.str("AUTOMATE_CLOCK", default="")):
    raise ImproperlyConfigured(
        "AUTOMATE_FAILPOINTS and AUTOMATE_CLOCK are for tests: unset them, or set DEBUG=true on a test machine."
    )

# --- limits (SECURITY R20) ------------------------------------------------------------------------
WEBHOOK_MAX_BYTES = env.int("WEBHOOK_MAX_BYTES", default=1024 * 1024)
MAX_OUTPUT_BYTES = env.int("MAX_OUTPUT_BYTES", default=256 * 1024)  # of a step, inline in its row
MAX_BLOB_BYTES = env.int("MAX_BLOB_BYTES", default=16 * 1024 * 1024)
AUTOMATE_BLOBS = env.str("AUTOMATE_BLOBS", default="database")  # where they lie (docs/keeping.md)
MAX_STEP_RUNS = env.int("MAX_STEP_RUNS", default=200_000)  # per execution
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

# --- applications ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "accounts",
    "accounts.notifications",
    "integrations",
    "workflows",
    "automate",
    "django.contrib.admin.apps.SimpleAdminConfig",  # its pages are loaded with the addresses: workers need none
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_structlog",
    "csp",
    "ninja",
    "allauth",
    "allauth.account",
]
MIDDLEWARE = [
    "workflows.ingress.middleware.HooksFirst",  # services need no session; halves the cost of a hook
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # with random filling, so that lengths tell nothing (BREACH)
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.notifications.bell.BellMiddleware",
    "accounts.middleware.WorkspaceMiddleware",
]
ROOT_URLCONF = "automate.urls"
WSGI_APPLICATION = "automate.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.request.shell_context",
            ],
            "builtins": ["automate.templatetags.ui"],
        },
    }
]

# --- database -------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'automate.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = 600
ON_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if ON_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        # FULL: what was answered with 2xx survives a power cut
        "init_command": "PRAGMA auto_vacuum=INCREMENTAL;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Celery and Redis: wake-ups only, the database is the truth -----------------------------------
REDIS_URL = env.str("REDIS_URL", default="")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL) or "filesystem://"
HAS_BROKER = not CELERY_BROKER_URL.startswith("filesystem://")
if not HAS_BROKER:
    _queue, _control = DATA_DIR / "queue", DATA_DIR / "queue-control"
    for _folder in (_queue, _control):
        _folder.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue),
        "data_folder_out": str(_queue),
        "control_folder": str(_control),
        "polling_interval": 0.1,
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_DISABLE_RATE_LIMITS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"workflows.drain": {"queue": "engine"}, "accounts.mail.*": {"queue": "mail"}}
CELERY_TIMEZONE = "UTC"

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "automate_cache"}
}

# --- people ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
EMAIL_URL = env.str("EMAIL_URL", default="")
HAS_EMAIL = bool(EMAIL_URL)
if HAS_EMAIL:
    vars().update(env.email_url_config(EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"automate@{BASE_HOST}")
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if HAS_EMAIL else "none"
ACCOUNT_EMAIL_NOTIFICATIONS = HAS_EMAIL
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_CHANGE_EMAIL = True  # one address per person; a new one replaces it once confirmed
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_FORMS = {
    "login": "accounts.signin_forms.LoginForm",
    "signup": "accounts.signin_forms.SignupForm",
    "add_email": "accounts.signin_forms.ChangeEmailForm",
    "change_password": "accounts.signin_forms.ChangePasswordForm",
    "set_password": "accounts.signin_forms.SetPasswordForm",
    "reset_password": "accounts.signin_forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.signin_forms.ResetPasswordKeyForm",
    "reauthenticate": "accounts.signin_forms.ReauthenticateForm",
}
ACCOUNT_SESSION_REMEMBER = True
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
NINJA_NUM_PROXIES = TRUSTED_PROXY_COUNT

# --- browser --------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrftoken"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "automate.errors.csrf_failure"
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": [
            "'self'",
            NONCE,
        ],  # sent by pages that ask for it alone: those with the editor of fields
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
if DEBUG:
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_MAX_AGE = 0
else:
    # `manage.py up` collects them: compressed, with a hash in each name, so browsers keep them for ever
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "automate.staticfiles.HashedFiles"},
    }
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- logs: ids, never payloads --------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "stream": sys.stderr}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "httpx": {"level": "WARNING"}},
}
