"""The two formats of log lines: short text, or one JSON object in each line. Both have the time, and the correlation id
if one is bound."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_task

from core import correlation
from core.clock import log_time


class TextFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        line = log_time(record.created) + super().formatMessage(record)
        return f"{line} correlation_id={correlation_id}" if (correlation_id := correlation.current()) else line


def text() -> logging.Formatter:
    return TextFormatter("{levelname:.1} {name}: {message}", style="{")


def json() -> logging.Formatter:
    from structlog import processors, stdlib  # 7 MiB that the other format does not need

    return stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            processors.TimeStamper(fmt="iso", key="time"),
            stdlib.add_log_level,
            stdlib.add_logger_name,
            add_ids,
            processors.EventRenamer("message"),
            processors.format_exc_info,
        ],
        processors=[stdlib.ProcessorFormatter.remove_processors_meta, processors.JSONRenderer()],
    )


def add_ids(logger: Any, method: str, line: Any) -> Any:
    """Adds the correlation id and the task, if there are any."""
    if correlation_id := correlation.current():
        line["correlation_id"] = correlation_id
    if current_task:
        line |= {"task": current_task.name, "task_id": current_task.request.id}
    return line
