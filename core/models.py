from __future__ import annotations

from django.db import models
from django.db.models import F


class Version(models.Model):
    """A number that rises with each change of something, such as the feed, and never falls. It needs no clock."""

    name = models.CharField(max_length=20, primary_key=True)
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"

    @classmethod
    def current(cls, name: str) -> int:
        return cls.objects.values_list("number", flat=True).filter(name=name).first() or 0

    @classmethod
    def increase(cls, name: str) -> int:
        """Call it in the transaction of the change, before everything else that locks: the lock of the row gives the
        numbers the order of the commits."""
        cls.objects.get_or_create(name=name)
        cls.objects.filter(name=name).update(number=F("number") + 1)
        return cls.current(name)
