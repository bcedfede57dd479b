"""What the worker's connection to the broker does when it is lost."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from kombu import Consumer, Producer, Queue
from kombu.message import Message

from project.celery import app


def test_an_acknowledgement_on_a_lost_connection_is_logged_and_does_not_end_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    received: list[Message] = []
    queue = Queue(f"test-{uuid4().hex}", auto_delete=True)
    with app.connection_for_read() as connection, Consumer(connection, [queue], no_ack=True) as consumer:
        consumer.register_callback(lambda body, message: received.append(message))
        Producer(connection).publish("hello", routing_key=queue.name, declare=[queue])
        connection.drain_events(timeout=30)
    [message] = received
    message.ack_log_error(logging.getLogger("test"), connection.connection_errors)
    assert "Couldn't ack" in caplog.text
    assert "The connection to the broker was lost." in caplog.text
