"""Django's settings, made from the portal's environment."""

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from portal.accounts.pause import FAILURES, PAUSE
from portal.configuration import PortalSettings, listed, networks
from portal.pages import theme

# A machine that lost its power closes no connection. Each end looks after the other: else a worker would wait for ever,
# and the database would keep the locks of a worker that is gone.
NOTICE_SILENCE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
}


def database(settings: PortalSettings) -> dict[str, Any]:
    """Django's entry for the database of `settings`."""
    url = settings.database_url
    host = url.hosts()[0]
    query = dict(url.query_params())
    socket = query.pop("host", None)
    password = settings.database_password.get_secret_value() if settings.database_password else ""
    if not url.path or url.path == "/":
        raise ImproperlyConfigured("PORTAL_DATABASE_URL names no database: postgresql://user@host:port/NAME")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.lstrip("/"),
        "USER": host["username"] or "",
        "PASSWORD": host["password"] or password,
        "HOST": socket or host["host"] or "",
        "PORT": str(host["port"] or ""),
        # A pooled connection that a restart of the database has cut is found out before it is used.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **NOTICE_SILENCE, **query},
    }


RECLASS = PortalSettings.load()
HERE = Path(__file__).parent

SECRET_KEY = RECLASS.secret_key.get_secret_value() or "unset: commands that serve no page need none"
DEBUG = False  # the setting `debug` is applied where pages are served, portal.web.process
ALLOWED_HOSTS = listed(RECLASS.allowed_hosts)
TRUSTED_PROXIES = networks(RECLASS.trusted_proxies)
CSRF_TRUSTED_ORIGINS = listed(RECLASS.trusted_origins)
CSRF_FAILURE_VIEW = "portal.pages.fault_pages.form_refused"
# Behind such a proxy the portal itself sees plain HTTP, and would refuse every form as one of another site's.
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if RECLASS.https_proxy or TRUSTED_PROXIES else None
)
USE_X_FORWARDED_HOST = bool(TRUSTED_PROXIES)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = RECLASS.https_proxy
SECURE_HSTS_SECONDS = RECLASS.hsts_seconds if RECLASS.https_proxy else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # the other hosts of a home's domain are not ours to bind to TLS,
    "security.W021",  # nor to be written into browsers for good
    "security.W008",  # the proxy sends plain HTTP on; ours would go in circles where it does not tell the two apart
]
# From here alone, and no script that stands in a page. The theme needs two exceptions by name: Alpine.js makes
# functions of the attributes of elements (unsafe-eval); the theme, and our bars, have style attributes.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATABASES = {"default": database(RECLASS)}
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "csp",
    "procrastinate.contrib.django",
    "portal.library",
    "portal.genres",
    "portal.teaching",
    "portal.public",
    "portal.registry",
    "portal.verdicts",
    "portal.first_guess",
    "portal.runs",
    "portal.ledger",
    "portal.preferences",
    "portal.accounts",
    "portal.callers",
    "portal.pages",
]
MIDDLEWARE = [
    "portal.web.proxies.ProxyMiddleware",
    "portal.web.tracing.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.web.nul.NulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.accounts.device_cookies.DeviceCookieMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "portal.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["portal.pages.sentences"],
        },
    }
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# How often a wrong password may be tried; portal.accounts.throttle has the numbers.
AXES_HANDLER = "portal.accounts.throttle.Throttle"
AXES_LOCKOUT_PARAMETERS = "portal.accounts.throttle.counters"
AXES_FAILURE_LIMIT = FAILURES
AXES_COOLOFF_TIME = PAUSE
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else whoever goes on trying keeps the owner out
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "portal.web.proxies.client_address"
AXES_LOCKOUT_CALLABLE = "portal.accounts.pause.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # the log of the process has it
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = RECLASS.zone
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [HERE / "static"]
# Served from the packages themselves: nothing to collect, nothing to get out of step.
WHITENOISE_USE_FINDERS = True
LOGGING_CONFIG = None  # runtime.telemetry does it, in __main__
PROCRASTINATE_WORKER_DEFAULTS = {
    "update_heartbeat_interval": RECLASS.stalled_after_seconds / 5,
    "stalled_worker_timeout": RECLASS.hopeless_after_seconds,
}
UNFOLD = theme.UNFOLD
