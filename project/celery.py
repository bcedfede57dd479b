"""The Celery application: ``celery -A project worker -Q likes``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import before_task_publish, celeryd_init, task_failure, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

app = Celery("redheart")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Otherwise Celery's Django fixup closes the database connection before and after each task. It reads this key in upper
# case, which the settings namespace cannot produce (celery/fixups/django.py).
app.conf["CELERY_DB_REUSE_MAX"] = 10_000


@before_task_publish.connect
def convert_priority(properties: dict[str, Any], **_: Any) -> None:
    """Our priorities are those of Redis: 0 comes first, 9 last. On RabbitMQ 9 comes first."""
    if app.conf.broker_url.startswith("amqp"):
        properties["priority"] = 9 - properties.get("priority", 0)


@celeryd_init.connect
def remove_socket_timeouts(conf: Any, **_: Any) -> None:
    """A worker waits for tasks without a time limit; the short timeouts in the settings are for publishing."""
    options = conf.broker_transport_options
    conf.broker_transport_options = {k: v for k, v in options.items() if not k.startswith("socket_")}


@worker_ready.connect
def report_alive(sender: Any, **_: Any) -> None:
    """A heartbeat at once: beat would send the first one some seconds later."""
    for queue in sender.task_consumer.queues:
        app.send_task("core.tasks.report_alive", args=[queue.name], queue=queue.name)


@task_failure.connect
def drop_connection(**_: Any) -> None:
    """A broken connection may be the cause of the failure: the next task opens a new one."""
    from django.db import close_old_connections

    close_old_connections()
