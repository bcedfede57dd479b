import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def link_accounts(apps, schema_editor):
    """``visitor`` was ``u<id>`` for an account."""
    Message = apps.get_model("feedback", "Message")
    User = apps.get_model("auth", "User")
    for message in Message.objects.filter(visitor__regex="^u[0-9]{1,18}$").iterator():
        message.account = User.objects.filter(pk=int(message.visitor[1:])).first()
        message.save(update_fields=["account"])


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "message",
            "account",
            models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(link_accounts, migrations.RunPython.noop, elidable=True),
    ]
