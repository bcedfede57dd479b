from django.db import migrations, models
from django.db.models import Q

from core.concurrently import AddIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("feedback", "0005_exports_and_emails_in_the_database"),
    ]

    operations = [
        AddIndex("message", models.Index(fields=["-id"], condition=Q(archived_at=None, spam=False), name="feedback_message_open")),
        AddIndex("message", models.Index(fields=["-id"], condition=Q(("archived_at", None), ("spam", False), ("answered_at", None)), name="feedback_message_unanswered")),
        AddIndex("message", models.Index(fields=["-id"], condition=Q(("archived_at", None), ("spam", False), ("answered_at__isnull", False)), name="feedback_message_answered")),
        AddIndex("message", models.Index(fields=["received_at"], condition=Q(spam=True), name="feedback_message_spam")),
        AddIndex("message", models.Index(fields=["archived_at"], condition=Q(archived_at__isnull=False, spam=False), name="feedback_message_archived")),
        AddIndex("message", models.Index(fields=["source", "-id"], name="feedback_message_source")),
        migrations.AlterField(
            model_name="message",
            name="source",
            field=models.CharField(blank=True, max_length=40, verbose_name="source"),
        ),
    ]
