"""The Celery application: ``celery -A project worker -Q likes``."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from amqp.exceptions import AccessRefused, NotAllowed
from celery import Celery, Task, bootsteps
from celery.signals import (
    after_setup_logger,
    beat_init,
    before_task_publish,
    celeryd_after_setup,
    celeryd_init,
    task_failure,
    task_postrun,
    task_prerun,
    worker_init,
)
from celery.worker import state
from kombu.exceptions import OperationalError
from kombu.transport import pyamqp, redis

from core import correlation, heartbeats, watchdog
from project import worker_reports  # noqa: F401  (connects its signals)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
# Celery would run Django's checks, which import every page. `manage.py prepare` runs them before a worker starts.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

WORKER_TIMEOUT = 5.0  # seconds


class TaskWithId(Task):
    """Its messages are handled by `strategy`."""

    Strategy = "project.celery:strategy"


app = Celery("redheart", task_cls=TaskWithId)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Otherwise Celery's Django fixup closes the database connection before and after each task. It reads this key in upper
# case, which the settings namespace cannot produce (celery/fixups/django.py).
app.conf["CELERY_DB_REUSE_MAX"] = 10_000


@before_task_publish.connect
def convert_priority(properties: dict[str, Any], routing_key: str, **_: Any) -> None:
    """Our priorities are those of Redis: 0 comes first, 9 last. On RabbitMQ 9 comes first. The lessons publish to
    queues and brokers of their own, whose priorities stay."""
    if app.conf.broker_url.startswith("amqp") and routing_key in app.amqp.queues:
        properties["priority"] = 9 - properties.get("priority", 0)


before_task_publish.connect(correlation.add_to_task)
task_prerun.connect(correlation.task_started)
task_postrun.connect(correlation.task_ended)


def strategy(task: Task, *args: Any, **options: Any) -> Callable[..., Any]:
    """What a worker does with a message, with its id bound, so that "Task … received" has it, too."""
    from celery.worker.strategy import default

    handle = default(task, *args, **options)

    def handle_with_id(message: Any, *args: Any, **options: Any) -> Any:
        with correlation.bound(correlation.of_task(message.headers, message.headers.get("id", ""))):
            return handle(message, *args, **options)

    return handle_with_id


@worker_init.connect
def share_memory_with_pool(**_: Any) -> None:
    """A garbage collection in a process of the pool writes to all objects that it shares with its parent, unless they
    are frozen."""
    gc.collect()
    gc.freeze()


@after_setup_logger.connect
def set_log_level(logger: logging.Logger, loglevel: int, **_: Any) -> None:
    """LOG or the option -l, whichever shows more."""
    from django.conf import settings

    logger.setLevel(min(loglevel, logging.getLevelNamesMapping()[settings.LOG_LEVEL]))


@celeryd_after_setup.connect
def set_banner(instance: Any, **_: Any) -> None:
    """With LOG=info a worker lists its tasks when it starts, as with -l info. The list is no JSON."""
    from django.conf import settings

    instance.loglevel = logging.getLogger().level
    if settings.LOG_FORMAT == "json" or settings.LOG_LEVEL in ("DEBUG", "INFO"):
        instance.quiet = settings.LOG_FORMAT == "json"


@celeryd_init.connect
@beat_init.connect
def start_watchdog(**_: Any) -> None:
    task_prerun.connect(watchdog.task_started)
    task_postrun.connect(watchdog.task_ended)
    watchdog.start()


@celeryd_init.connect
def lengthen_socket_timeouts(conf: Any, **_: Any) -> None:
    """The short timeouts in the settings are for web processes. A worker has more time, but not without end: a
    connection may be dead without being closed. On Redis it asks again for a message after so many seconds without
    one, where kombu's default is one."""
    timeouts = dict.fromkeys(("socket_timeout", "socket_connect_timeout", "polling_interval"), WORKER_TIMEOUT)
    conf.broker_transport_options = conf.broker_transport_options | timeouts
    conf.broker_connection_timeout = WORKER_TIMEOUT


class QoS(redis.QoS):
    """A message that needs no acknowledgement was not kept, so there is nothing to remove. kombu 5.7.0 would try."""

    def ack(self, delivery_tag: str) -> None:
        if delivery_tag in self._delivered:
            super().ack(delivery_tag)


class Channel(redis.Channel):
    """An acknowledgement on a connection that was lost is a connection error, which Celery logs. kombu 5.7.0 raises
    AttributeError, which ends the worker. The broker delivers the message again in both cases."""

    QoS = QoS

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The connection to the broker was lost.")
        params: dict[str, Any] = super()._connparams(asynchronous)
        return params


redis.Transport.Channel = Channel
# A wrong password or virtual host: worker and beat try again after some seconds, with one line each time. Otherwise
# they would end with a traceback, and be started again at once.
pyamqp.Transport.recoverable_connection_errors += (AccessRefused, NotAllowed)


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


class WaitForTables(bootsteps.StartStopStep):
    """A worker takes no task before the database is migrated. It can be stopped while it waits."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def start(self, parent: Any) -> None:
        from core.migrating import wait_until_migrated

        wait_until_migrated(meanwhile=state.maybe_shutdown)


app.steps["consumer"].update({Heartbeat, WaitForTables})


@task_failure.connect
def drop_connection(**_: Any) -> None:
    """A broken connection may be the cause of the failure: the next task opens a new one."""
    from django.db import close_old_connections

    close_old_connections()
