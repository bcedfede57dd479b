from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, models

INCREASE = """
INSERT INTO core_version (name, number) VALUES {names}
ON CONFLICT (name) DO UPDATE SET number = core_version.number + 1
RETURNING name, number
"""


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
        """Returns the new number. Call it in the transaction of the change, before everything else that locks: the lock
        of the row gives the numbers the order of the commits."""
        return cls.increase_all([name])[name]

    @classmethod
    def increase_all(cls, names: Iterable[str]) -> dict[str, int]:
        """The same for several, in one statement. Locks the rows in the order of their names, so that two callers never
        wait for each other."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(INCREASE.format(names=", ".join(["(%s, 1)"] * len(wanted))), wanted)
            return dict(cursor.fetchall())
