"""What statements read: on PostgreSQL the rows of each table, on SQLite the tables that are read from end to end."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

ORDINARY = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", re.I)
WHOLE = re.compile(r"^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?$")


class Reads:
    """``rows`` by table, of the statement that has read most of it; ``statements`` in the same way."""

    def __init__(self) -> None:
        self.rows, self.statements = Counter[str](), dict[str, str]()
        self.number, self.explaining = 0, False

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not self.explaining and ORDINARY.match(sql):
            self.number, self.explaining = self.number + 1, True
            try:
                found = _postgres(sql, params) if connection.vendor == "postgresql" else _sqlite(sql, params)
            finally:
                self.explaining = False
            for table, number in found.items():
                if number > self.rows[table]:
                    self.rows[table], self.statements[table] = number, sql
        return execute(sql, params, many, context)


@contextmanager
def reads() -> Iterator[Reads]:
    """What the statements of this block read. Each is run once more before, and rolled back."""
    found = Reads()
    with connection.execute_wrapper(found):
        yield found


def _postgres(sql: str, params: Any) -> Counter[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        [plan] = cursor.fetchone()
        transaction.set_rollback(True)
    found = Counter[str]()
    _add((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"], found)
    return found


def _add(node: dict[str, Any], found: Counter[str]) -> None:
    if "Relation Name" in node and "Scan" in node["Node Type"]:
        read = sum(node.get(name, 0) for name in ("Actual Rows", *(n for n in node if n.startswith("Rows Removed"))))
        found[node["Relation Name"]] += round(read * node["Actual Loops"])
    elif node["Node Type"] == "Bitmap Index Scan":
        found[node["Index Name"]] += round(node["Actual Rows"] * node["Actual Loops"])
    for child in node.get("Plans", []):
        _add(child, found)


def _sqlite(sql: str, params: Any) -> Counter[str]:
    """The number of rows of each table that is read whole, or of each partial index."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        scans = [match for row in cursor.fetchall() if (match := WHOLE.match(row[3]))]
    if " LIMIT " in sql:  # read until there are enough
        return Counter()
    tables = connection.introspection.table_names()  # the others are parts of the statement
    return Counter({_table(sql, s[1]): _size(sql, *s.groups()) for s in scans if _table(sql, s[1]) in tables})


def _table(sql: str, alias: str) -> str:
    named = re.search(rf'"?(\w+)"? (?:AS )?"?{alias}"?[ ),]', sql)
    return named[1] if named and named[1].upper() not in ("FROM", "JOIN", "UPDATE", "INTO") else alias


def _size(sql: str, alias: str, index: str | None) -> int:
    """How many rows a scan reads: the table's, or those that the condition of the index selects."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [index or ""])
        condition = ((cursor.fetchone() or [""])[0] or "").partition(" WHERE ")[2]
        where = f" WHERE {condition}" if condition else ""
        cursor.execute("SELECT count(*) FROM (SELECT 1 FROM {}{})".format(_table(sql, alias), where.replace("%", "%%")))  # noqa: S608
        return int(cursor.fetchone()[0])
