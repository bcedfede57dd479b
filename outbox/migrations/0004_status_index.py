from django.db import migrations, models

from core.concurrently import AddIndex, RemoveIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("outbox", "0003_problems"),
    ]

    operations = [
        AddIndex("outboxmessage", models.Index(fields=["status", "next_at"], name="outbox_status")),
        RemoveIndex("outboxmessage", "outbox_problems"),
    ]
