"""Asks the mail worker to write what has rung to the destinations outside."""

from __future__ import annotations

import logging

from celery import current_app

from core.redis import redis

ASKED = "redheart:fan_out"
SECONDS = 5  # how long a question counts as asked
log = logging.getLogger(__name__)


def ask() -> None:
    """Once, however much has rung since the last time. Never raises: beat asks again."""
    try:
        if redis().set(ASKED, 1, nx=True, ex=SECONDS):
            current_app.send_task("notifications.tasks.fan_out", priority=1, ignore_result=True)
    except Exception as error:
        log.warning("the mail worker could not be asked, beat will: %r", error)
