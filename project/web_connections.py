"""How a web process keeps its connections to the database. Not in the settings, because a process that the fork server
starts has them from there, with those of workers."""

from __future__ import annotations

from django.db import connections


def keep() -> None:
    connections.close_all()  # `runserver` has already opened one
    database = connections.settings["default"]
    if database["ENGINE"] == "project.sqlite":
        database["CONN_MAX_AGE"] = 600  # seconds that each thread of project/handler.py keeps its connection
    else:
        from project.postgres import pool

        database["CONN_MAX_AGE"] = 0  # a connection goes back to the pool after each request
        database["OPTIONS"] |= {"pool": pool.options()}
