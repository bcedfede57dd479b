"""All settings. Those that may differ between machines are environment variables.

With nothing set this is a development site that is reachable on this machine only. ``DEBUG=0`` makes it a production
site, which does not start until SECRET_KEY and ALLOWED_HOSTS are safe.
"""

import sys
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.utils.translation import gettext_lazy as _
from kombu import Exchange, Queue

from project import env, log_limits, redis_server, sentry
from project.env import BASE_DIR

DEBUG = env.flag("DEBUG", True)
DATA_DIR = Path(env.text("DATA_DIR") or BASE_DIR / "data").resolve()
env.private_folder(DATA_DIR, debug=DEBUG)
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS")
env.check_hosts(ALLOWED_HOSTS, debug=DEBUG)
LISTEN, PORT = env.text("LISTEN", "127.0.0.1"), env.number("PORT", 8000, minimum=1, maximum=65535)
env.check_listen(LISTEN, debug=DEBUG)
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")  # earlier keys, whose cookies and links still count
SECRET_KEY = env.secret_key(env.text("SECRET_KEY"), debug=DEBUG, data_dir=DATA_DIR)
DEFAULT_SITE_URL = f"http://127.0.0.1:{PORT}" if DEBUG else f"https://{ALLOWED_HOSTS[0].lstrip('.')}"
SITE_URL = env.site_url(env.text("SITE_URL", DEFAULT_SITE_URL), debug=DEBUG)  # for links in mails and webhooks
# Proxies in front of the site, whose X-Forwarded-For and X-Forwarded-Proto are believed.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "127.0.0.0/8 ::1/128")
OUTSIDE_ALLOW = env.networks("OUTSIDE_ALLOW")  # private networks that webhooks may reach

# Who may read /metrics: whoever sends the token, and these networks. Behind a proxy all requests come from its address.
METRICS_TOKEN = env.token("METRICS_TOKEN")
METRICS_NETWORKS = env.networks("METRICS_NETWORKS", "127.0.0.0/8 ::1/128" if DEBUG else "")
CLICK_SAMPLE = "1" if DEBUG else "0.05"  # the share of clicks whose times pages report

SOCKETS_PER_NETWORK = env.number("SOCKETS_PER_NETWORK", 500, minimum=1, maximum=1_000_000)  # per web process
SOCKET_MAX_AGE = env.number("SOCKET_MAX_AGE", 3600, maximum=1_000_000)  # seconds; 0: no limit

MIGRATING = bool({"migrate", "prepare", "restore", "export", "import", "erase"} & set(sys.argv))  # may take its time
# SQLite: readers never wait for the writer (WAL); a writer waits for the lock when its transaction starts, because
# later it would fail (IMMEDIATE); a commit survives a power cut (FULL).
DATABASE = env.database(env.text("DATABASE_URL"), data_dir=DATA_DIR)
if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    DATABASE |= {
        "ENGINE": "project.sqlite",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
        "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
    }
else:
    DATABASE["ENGINE"] = "project.postgres"
    DATABASE["OPTIONS"] = env.postgres_options(DATABASE.get("OPTIONS", {}), limited=not MIGRATING)
DATABASES = {"default": DATABASE}
BACKUP_DIR = Path(env.text("BACKUP_DIR") or DATA_DIR / "backups").resolve()
BACKUPS_KEPT = env.number("BACKUPS_KEPT", 10)  # daily backups; 0: none are made
LOG_QUERIES = env.flag("LOG_QUERIES", False)  # keep `connection.queries` on SQLite
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# One Redis carries the broker, the channel layer and the locks. Other servers can carry the broadcasts of a large site.
REDIS_URL = env.redis_url("REDIS_URL", f"unix://{redis_server.socket_path(DATA_DIR)}", "unix")
BROADCAST_REDIS_URLS = env.redis_urls("BROADCAST_REDIS_URLS") or [REDIS_URL]
CHANNEL_LAYERS = {
    "default" if number == 0 else f"server{number}": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": url}]},
    }
    for number, url in enumerate(BROADCAST_REDIS_URLS)
}

# Celery. Publishing gives up within a second: no work is lost, because it is in a row and beat enqueues it again.
CELERY_REDIS_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_BROKER_URL = env.redis_url("CELERY_BROKER_URL", CELERY_REDIS_URL, "redis+socket", "amqp", "amqps")
CELERY_BROKER_HEARTBEAT = 10  # seconds; RabbitMQ only, and so is the second set of options
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "socket_timeout": 0.4,
    "socket_connect_timeout": 0.4,
    "health_check_interval": 5,  # a connection that is silent for twice as long is replaced
    "visibility_timeout": 300,
    "unacked_restore_interval": 30,
    "unacked_restore_throttle": 1,
}
if CELERY_BROKER_URL.startswith("amqp"):  # without a confirmation a message to a dead connection is lost
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True, "read_timeout": 1, "write_timeout": 1}
CELERY_BROKER_CONNECTION_TIMEOUT = 1.0
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 30
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_DEFAULT_QUEUE = "likes"
# On Redis the messages of the queue "likes" are not acknowledged, which saves a quarter of what a quiet click costs the
# worker. If the worker dies, its likes are still pending, and beat enqueues them again. (On RabbitMQ a worker that
# stops would acknowledge them all the same, which is an error there.)
WITHOUT_ACKS = set() if CELERY_BROKER_URL.startswith("amqp") else {"likes"}
CELERY_TASK_QUEUES = [
    Queue(name, Exchange(name), routing_key=name, no_ack=name in WITHOUT_ACKS)
    for name in ("likes", "mail", "deliveries")
]
CELERY_TASK_QUEUE_MAX_PRIORITY = 9 if CELERY_BROKER_URL.startswith("amqp") else None
CELERY_TASK_ROUTES = {
    "likes.tasks.recount_likes": {"queue": "mail"},  # these two may take seconds
    "likes.tasks.forget_networks": {"queue": "mail"},
    "likes.*": {"queue": "likes"},
    "accounts.*": {"queue": "mail"},
    "outbox.*": {"queue": "mail"},
    "feedback.*": {"queue": "mail"},
    "notifications.*": {"queue": "mail"},
    "monitor.tasks.send_slowly": {"queue": "mail"},
    "core.tasks.back_up": {"queue": "mail"},
}
# Only exports have results. Reading one must not hang while Redis is away.
CELERY_RESULT_BACKEND = CELERY_REDIS_URL
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"retry_policy": {"max_retries": 1, "timeout": 1.0}}
CELERY_REDIS_SOCKET_TIMEOUT = CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 1.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE = "UTC"
CELERY_BEAT_SCHEDULER = "project.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 3
CELERY_BEAT_SCHEDULE = {
    # These find what could not be enqueued after the commit, and what a lost task has left. While no worker runs, the
    # messages of beat expire and do not pile up. (django-celery-beat reads ``expire_seconds`` and ignores ``expires``.)
    "settle pending likes": {"task": "likes.tasks.settle_likes", "schedule": 3, "options": {"expire_seconds": 3}},
    "send pending messages": {"task": "outbox.tasks.send_pending", "schedule": 3, "options": {"expire_seconds": 3}},
    "fan out notifications": {"task": "notifications.tasks.fan_out", "schedule": 3, "options": {"expire_seconds": 3}},
    "send digests": {"task": "notifications.tasks.send_digests", "schedule": 60, "options": {"expire_seconds": 60}},
    "probe paused destinations": {
        "task": "notifications.tasks.probe_destinations",
        "schedule": 60,
        "options": {"expire_seconds": 60},
    },
    "back up": {"task": "core.tasks.back_up", "schedule": crontab(hour=2, minute=30)},
    "forget networks": {"task": "likes.tasks.forget_networks", "schedule": crontab(hour=3, minute=20)},
    "recount likes": {"task": "likes.tasks.recount_likes", "schedule": crontab(hour=3, minute=0)},
    "delete old deliveries": {
        "task": "notifications.tasks.delete_old_deliveries",
        "schedule": crontab(hour=3, minute=30),
    },
    "delete old notifications": {
        "task": "notifications.tasks.delete_old_notifications",
        "schedule": crontab(hour=3, minute=35),
    },
    "delete old messages": {"task": "feedback.tasks.delete_old_messages", "schedule": crontab(hour=3, minute=40)},
    "delete old account emails": {"task": "accounts.tasks.delete_old", "schedule": crontab(hour=3, minute=45)},
    "delete expired sessions": {"task": "core.tasks.delete_expired_sessions", "schedule": crontab(hour=3, minute=50)},
    "delete old exports": {"task": "feedback.tasks.delete_old_exports", "schedule": crontab(minute=30)},
}

# Mail. Without EMAIL_URL mails are kept in the database, and staff read them in the browser. SLOW_MAIL=20 uses
# a mail server that takes 20 seconds, to show why mail is sent in the background.
SLOW_MAIL = env.number("SLOW_MAIL", 0, maximum=25)  # a task may take 30 seconds
EMAIL_TIMEOUT = env.number("EMAIL_TIMEOUT", 10, minimum=1)
vars().update(env.email(env.text("EMAIL_URL"), debug=DEBUG))  # EMAIL_BACKEND, EMAIL_HOST and so on
if SLOW_MAIL:
    EMAIL_BACKEND = "monitor.lessons.slow_smtp.EmailBackend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.sender(env.text("FEEDBACK_FROM", "support@example.com"))

# What is deleted after so many days: docs/privacy.md. 0: it is kept.
KEEP_FEEDBACK_DAYS = env.number("KEEP_FEEDBACK_DAYS", 730, maximum=36_500)
KEEP_SPAM_DAYS = env.number("KEEP_SPAM_DAYS", 30, minimum=1, maximum=36_500)
KEEP_RATINGS_DAYS = env.number("KEEP_RATINGS_DAYS", 0, maximum=36_500)
KEEP_NOTIFICATIONS_DAYS = env.number("KEEP_NOTIFICATIONS_DAYS", 0, maximum=36_500)
KEEP_DELIVERIES_DAYS = env.number("KEEP_DELIVERIES_DAYS", 30, minimum=1, maximum=36_500)
KEEP_NETWORKS_DAYS = env.number("KEEP_NETWORKS_DAYS", 7, minimum=1, maximum=36_500)

# Web push: identifies this site to the push services of browsers.
PUSH_SERVICES = [*env.PUSH_SERVICES, *env.hosts("PUSH_SERVICES")]
VAPID_PRIVATE_KEY = env.vapid_key(env.text("VAPID_PRIVATE_KEY"), debug=DEBUG, data_dir=DATA_DIR)

# With "daphne" first, `manage.py runserver` serves websockets. Other processes do not import it: it takes 17 MiB.
INSTALLED_APPS = [
    *(["daphne"] if "runserver" in sys.argv else []),
    "django.contrib.admin.apps.SimpleAdminConfig",  # project/urls.py imports the admin.py of each app
    "django.contrib.auth",
    "django.contrib.humanize",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "django_celery_beat",
    "core",
    "live",
    "outbox",
    "accounts",
    "notifications",
    "likes",
    "feedback",
    "embed",
    "monitor",
    *(["ninja"] if "export_openapi_schema" in sys.argv else []),  # else it would bring the files of its docs pages
]
MIDDLEWARE = [
    "project.proxies.untrusted_proxy_middleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.headers.headers_middleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # 24 kB of feed become 3; safe, because CSRF tokens are masked
    "csp.middleware.CSPMiddleware",
    "monitor.health.health_middleware",
    "embed.api.middleware.api_middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "project.errors.errors_middleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.sessions_middleware",
    "core.visitors.visitor_middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "project.errors.ViewMiddleware",
]
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.site.context",
                "notifications.context.bell",
            ]
        },
    }
]

# The parts of pages in {% cache %}, in the memory of each process: some dozens, by language and theme. None with
# `runserver`, because templates are being edited.
CACHE = "dummy.DummyCache" if "runserver" in sys.argv else "locmem.LocMemCache"
CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{CACHE}"}}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "feed"
LOGOUT_REDIRECT_URL = "feed"
PASSWORD_RESET_TIMEOUT = 3600  # seconds
SIGNUP = env.flag("SIGNUP", True)  # may anybody create an account?
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "accounts.passwords.PasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LOCALE_PATHS = [BASE_DIR / "project" / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT") or BASE_DIR / "staticfiles").resolve()
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
CSRF_FAILURE_VIEW = "project.errors.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = not DEBUG
SECURE_HSTS_SECONDS = 0 if DEBUG else 30 * 24 * 3600
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|livez)/$"]
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # no HSTS for subdomains: they may be somebody else's

LOG_LEVEL = env.choice("LOG", "debug", "info", "warning", "error", default="warning").upper()
LOG_FORMAT = env.choice("LOG_FORMAT", "text", "json", default="text")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": f"project.log_formats.{LOG_FORMAT}"}},
    "filters": {
        "limit_repeats": {"()": "project.log_limits.LimitRepeats"},
        "wrong_host": {"()": "django.utils.log.CallbackFilter", "callback": log_limits.shorten_wrong_host},
        "not_health": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: not record.getMessage().endswith((": /healthz/", ": /readyz/")),
        },
    },
    "handlers": {
        "none": {"class": "logging.NullHandler"},
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["not_health", "limit_repeats"]},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # django.request logs refused requests in one line; these would add a traceback.
        "django.security": {"level": "CRITICAL"},
        "django.security.DisallowedHost": {"level": "ERROR", "filters": ["wrong_host"]},
        "django.security.csrf": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django_celery_beat": {"level": "WARNING"},
        "kombu": {"level": "ERROR"},
        # Its output is in the attempts of the destination.
        "apprise": {"handlers": ["none"], "level": "WARNING", "propagate": False},
        "daphne": {"level": "WARNING"},
        # In the same format as all other lines. At info it writes the path of each page and the topics of each socket,
        # which may have the secret token of a receipt.
        "uvicorn": {"handlers": [], "propagate": True, "level": "WARNING"},
        "uvicorn.access": {"handlers": [], "propagate": True, "level": "WARNING"},
        # Each connection that fails; the page that needed it says so, too.
        "psycopg.pool": {"level": "ERROR"},
        # It logs a traceback each second while Redis is away; the hub logs one line instead.
        "channels_redis": {"level": "CRITICAL"},
    },
}
if SENTRY_DSN := env.text("SENTRY_DSN"):
    sentry.start(SENTRY_DSN)
