"""A page and a task with a bug, for the tests of Sentry."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.http import HttpRequest, HttpResponse
from django.urls import path


def fail(secret: str) -> None:
    raise ZeroDivisionError("a bug")


def page(request: HttpRequest, token: str) -> HttpResponse:
    fail(token)
    return HttpResponse()


@shared_task
def task(secret: str) -> None:
    fail(secret)


urlpatterns = [path("fails/<slug:token>/", page)]


def application() -> Any:
    """The site with that page alone: ``uvicorn --factory tests.failing:application``."""
    from django.conf import settings

    settings.ROOT_URLCONF = "tests.failing"
    from project.asgi import application

    return application
