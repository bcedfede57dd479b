from django.db import migrations, models
from django.db.models import Q

from core.concurrently import AddIndex, RemoveIndex

FIELDS = ["recipient", "-changed_at"]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("notifications", "0004_bell_versions"),
    ]

    operations = [
        AddIndex("notification", models.Index(fields=FIELDS, condition=Q(archived_at=None), name="notifications_shown")),
        AddIndex("notification", models.Index(fields=FIELDS, condition=Q(archived_at=None, read_at=None), name="notifications_unread")),
        AddIndex("notification", models.Index(fields=FIELDS, condition=Q(archived_at__isnull=False), name="notifications_archived")),
        AddIndex("notification", models.Index(fields=FIELDS, condition=Q(unseen=True), name="notifications_new")),
        RemoveIndex("notification", "notifications_list"),
        RemoveIndex("notification", "notifications_unseen"),
    ]
