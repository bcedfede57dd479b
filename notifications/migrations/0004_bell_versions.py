from django.db import migrations

from core import concurrently

# The bell's version was the sum of the versions of its groups. It must not fall, not even below what processes of the
# release before still broadcast.
VERSIONS = """
INSERT INTO core_version (name, number)
SELECT 'bell.' || recipient_id, sum(version) + 1000000 FROM notifications_notification WHERE true GROUP BY recipient_id
ON CONFLICT (name) DO NOTHING
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0003_correlation_id"),
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(VERSIONS, migrations.RunSQL.noop),
        concurrently.RemoveIndex("notification", "notifications_version"),
    ]
