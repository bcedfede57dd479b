"""What the worker's connection to the broker does when it is lost."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from kombu import Consumer, Producer, Queue
from kombu.message import Message

from core.redis import redis
from project.celery import app


def receive(*, no_ack: bool) -> Message:
    """A message from a connection that is closed since."""
    received: list[Message] = []
    queue = Queue(f"test-{uuid4().hex}", auto_delete=True)
    with app.connection_for_read() as connection, Consumer(connection, [queue], no_ack=no_ack) as consumer:
        consumer.register_callback(lambda body, message: received.append(message))
        Producer(connection).publish("hello", routing_key=queue.name, declare=[queue])
        connection.drain_events(timeout=30)
        assert redis().hexists("unacked", received[0].delivery_tag) is not no_ack
    return received[0]


def acknowledge(message: Message) -> None:
    message.ack_log_error(logging.getLogger("test"), app.connection_for_read().connection_errors)


def test_an_acknowledgement_on_a_lost_connection_is_logged_and_does_not_end_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = receive(no_ack=True)
    message.channel.qos._delivered[message.delivery_tag] = message  # so it must be acknowledged all the same
    acknowledge(message)
    assert "Couldn't ack" in caplog.text
    assert "The connection to the broker was lost." in caplog.text


def test_a_message_of_the_likes_queue_is_not_kept_until_it_is_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    receive(no_ack=False)  # which is kept
    queues = app.amqp.queues
    assert queues["likes"].no_ack and not queues["mail"].no_ack and not queues["deliveries"].no_ack
    acknowledge(receive(no_ack=True))
    assert caplog.text == ""
