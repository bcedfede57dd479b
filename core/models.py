from __future__ import annotations

from django.db import models


class WriteProbe(models.Model):
    """One row, written to see whether the database can be written."""

    written_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.written_at)
