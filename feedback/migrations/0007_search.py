"""An index for the search of the inbox, on PostgreSQL: words of three letters and more are found without reading all
messages. It needs the extension pg_trgm; without it, or without the right to create it, the search works as before.
Once there is one, this builds the index: ``manage.py migrate feedback 0006 && manage.py migrate``."""

import logging

from django.db import DatabaseError, migrations, transaction

log = logging.getLogger(__name__)
NAME = "feedback_message_search"
COLUMNS = ", ".join(f'upper("{column}"::text) gin_trgm_ops' for column in ("email", "text", "note", "page"))


def add_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql" and has_trigrams(schema_editor.connection):
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        schema_editor.execute(f"CREATE INDEX CONCURRENTLY {NAME} ON feedback_message USING gin ({COLUMNS})")


def remove_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")


def has_trigrams(connection):
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as error:
        log.warning("the search of the inbox has no index: %s", error)
        return False
    return True


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("feedback", "0006_inbox_indexes"),
    ]

    operations = [
        migrations.RunPython(add_index, remove_index),
    ]
