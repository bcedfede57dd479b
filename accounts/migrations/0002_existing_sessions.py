from itertools import islice

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations
from django.utils import timezone


def list_existing_sessions(apps, schema_editor):
    """Sessions that were started before this release are in the list of their accounts, too."""
    store, now = SessionStore(), timezone.now()
    AccountSession, User = apps.get_model("accounts", "AccountSession"), apps.get_model("auth", "User")
    sessions = apps.get_model("sessions", "Session").objects.filter(expire_date__gt=now)
    rows = sessions.values_list("session_key", "session_data").iterator()
    while chunk := list(islice(rows, 500)):
        owners = {key: store.decode(data).get(SESSION_KEY, "") for key, data in chunk}
        known = set(User.objects.filter(pk__in=[pk for pk in owners.values() if pk]).values_list("pk", flat=True))
        AccountSession.objects.bulk_create(
            (AccountSession(session_id=key, user_id=int(pk)) for key, pk in owners.items() if pk and int(pk) in known),
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):
    atomic = False  # a transaction for each chunk: on SQLite a long one would make clicks wait
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(list_existing_sessions, migrations.RunPython.noop)]
