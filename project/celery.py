"""The Celery application: ``celery -A project worker -Q likes``."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from celery import Celery, bootsteps
from celery.signals import beat_init, before_task_publish, celeryd_init, task_failure, task_postrun, task_prerun
from kombu.exceptions import OperationalError
from kombu.transport import redis

from core import heartbeats, watchdog
from project import worker_reports  # noqa: F401  (connects its signals)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

WORKER_TIMEOUT = 5.0  # seconds
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
@beat_init.connect
def start_watchdog(**_: Any) -> None:
    task_prerun.connect(watchdog.task_started)
    task_postrun.connect(watchdog.task_ended)
    watchdog.start()


@celeryd_init.connect
def lengthen_socket_timeouts(conf: Any, **_: Any) -> None:
    """The short timeouts in the settings are for web processes. A worker has more time, but not without end: a
    connection may be dead without being closed."""
    timeouts = {"socket_timeout": WORKER_TIMEOUT, "socket_connect_timeout": WORKER_TIMEOUT}
    conf.broker_transport_options = conf.broker_transport_options | timeouts


class Channel(redis.Channel):
    """An acknowledgement on a connection that was lost is a connection error, which Celery logs. kombu 5.7.0 raises
    AttributeError, which ends the worker. The broker delivers the message again in both cases."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The connection to the broker was lost.")
        params: dict[str, Any] = super()._connparams(asynchronous)
        return params


redis.Transport.Channel = Channel


class Heartbeat(bootsteps.StartStopStep):
    """Each worker enqueues `report_alive` for its queues and takes it from there, which shows that it consumes."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def start(self, parent: Any) -> None:
        """Runs with each connection to the broker: a new connection ends all timers."""
        self._send(parent)
        parent.timer.call_repeatedly(heartbeats.INTERVAL, self._send, (parent,))

    def _send(self, consumer: Any) -> None:
        for queue in consumer.task_consumer.queues:
            options = {"queue": queue.name, "priority": 0, "expires": heartbeats.INTERVAL}
            with suppress(OperationalError):
                app.send_task("core.tasks.report_alive", args=[queue.name], **options)


app.steps["consumer"].add(Heartbeat)


@task_failure.connect
def drop_connection(**_: Any) -> None:
    """A broken connection may be the cause of the failure: the next task opens a new one."""
    from django.db import close_old_connections

    close_old_connections()
