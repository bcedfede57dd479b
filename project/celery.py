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
# Without it Celery's Django fixup closes the connection before and after each task. It is read in upper case only,
# which the settings namespace cannot give it (celery/fixups/django.py).
app.conf["CELERY_DB_REUSE_MAX"] = 10_000


LAST = 9  # priorities are as on Redis: 0 comes first, 9 last


@before_task_publish.connect
def rank(properties: dict[str, Any], **_: Any) -> None:
    """RabbitMQ counts the other way round."""
    if app.conf.broker_url.startswith("amqp"):
        properties["priority"] = LAST - properties.get("priority", 0)


@celeryd_init.connect
def wait_for_work(conf: Any, **_: Any) -> None:
    """A worker waits on its broker for as long as it takes: the short time limits are for those who publish."""
    options = conf.broker_transport_options
    conf.broker_transport_options = {k: v for k, v in options.items() if not k.startswith("socket_")}


@worker_ready.connect
def report(sender: Any, **_: Any) -> None:
    """Do not wait for beat to hear that this worker is here."""
    for queue in sender.task_consumer.queues:
        app.send_task("core.tasks.report_alive", args=[queue.name], queue=queue.name)


@task_failure.connect
def drop_connection(**_: Any) -> None:
    """A kept connection may be the reason of the failure: the next task opens a new one."""
    from django.db import close_old_connections

    close_old_connections()
