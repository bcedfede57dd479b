"""Sends errors to the Sentry of SENTRY_DSN: the traceback, the correlation id, and nothing about the visitor."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from core import correlation


def start(dsn: str) -> None:
    try:
        import sentry_sdk
        from sentry_sdk.integrations.celery import CeleryIntegration
        from sentry_sdk.integrations.django import DjangoIntegration
        from sentry_sdk.utils import BadDsn
    except ImportError as error:
        raise ImproperlyConfigured("SENTRY_DSN needs a package: pip install -r requirements-sentry.txt.") from error
    try:
        sentry_sdk.init(
            dsn,
            integrations=[DjangoIntegration(), CeleryIntegration(propagate_traces=False)],
            auto_enabling_integrations=False,
            send_default_pii=False,
            include_local_variables=False,  # they may hold addresses and secrets
            max_breadcrumbs=0,  # so may the requests and log lines before the error
            auto_session_tracking=False,  # errors only
            send_client_reports=False,
            before_send=prepare,
        )
    except BadDsn as error:
        raise ImproperlyConfigured(f"SENTRY_DSN must look like https://key@sentry.example/1: {error}.") from error


def prepare(event: Any, hint: Any) -> Any:
    """Removes the request, whose path may be the secret address of a receipt: ``transaction`` has the route."""
    event.pop("request", None)
    if correlation_id := correlation.current():
        event.setdefault("tags", {})["correlation_id"] = correlation_id
    return event
