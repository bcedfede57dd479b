from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from celery import shared_task
from django.utils import timezone
from redis import RedisError

from core.redis import redis
from notifications import asking
from notifications.digest import mail as digest
from notifications.digest import schedule
from notifications.models import Delivery
from notifications.sending import fan_out as fanout
from notifications.sending import send as sending

ALIVE = 45  # seconds without a sign of life until a queue counts as unattended
BATCH = 100  # deliveries that beat asks for at once
DIGESTS = 1000  # people whose digest beat asks for at once
log = logging.getLogger(__name__)


@shared_task
def report(queue: str) -> None:
    """Proves that somebody takes tasks from this queue, not merely that a process is up."""
    redis().set(f"redheart:worker:{queue}", time.time(), ex=ALIVE)


def attended(queue: str) -> bool:
    return bool(redis().exists(f"redheart:worker:{queue}"))


@shared_task
def fan_out() -> None:
    """Writes what has rung to the destinations outside. It may be lost, doubled or run twice at once."""
    try:
        redis().delete(asking.ASKED)  # first, so that a ring during the work asks anew
    except RedisError as error:
        log.warning("the question could not be taken back: %r", error)
    ask(fanout.fan_out())


@shared_task
def send_delivery(pk: int) -> None:
    sending.send(pk)


@shared_task
def send_owed_deliveries() -> None:
    """Ends the tries of dead workers and asks for whatever is owed and not asked for lately."""
    Delivery.expire()
    fan_out()
    ask(Delivery.unasked()[:BATCH])


@shared_task
def send_digests() -> None:
    """Asks for the digests of those whose windows have ended."""
    for pk in schedule.due(timezone.now()).values_list("pk", flat=True)[:DIGESTS]:
        send_digest.apply_async([pk], priority=digest.PRIORITY, expires=60)


@shared_task
def send_digest(pk: int) -> None:
    """Ends a window that is due, and sends its mail. It may be lost, doubled or run twice at once."""
    now = timezone.now()
    habits = schedule.due(now).filter(pk=pk).select_related("user").first()
    if habits and (delivery := digest.close(habits, schedule.last_end(habits, now - schedule.SETTLED))):
        ask([delivery])


def ask(deliveries: Iterable[Delivery]) -> None:
    """Asks the worker to send these. Never raises: beat finds whatever is owed."""
    now = time.time()
    try:
        for delivery in deliveries:
            if delivery.next_at.timestamp() <= now:
                send_delivery.apply_async([delivery.pk], priority=delivery.priority)
                delivery.asked()
    except Exception as error:
        log.warning("the mail worker could not be asked, beat will: %r", error)


@shared_task
def forget_deliveries() -> None:
    Delivery.forget()
