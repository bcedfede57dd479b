from django.db import migrations, models
from django.db.models import Q

from core.concurrently import AddIndex

BY_ACCOUNT = Q(visitor__gte="u", visitor__lt="v")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("likes", "0004_post_recounted_version"),
    ]

    operations = [
        AddIndex("like", models.Index(fields=["post", "-clicked_at"], condition=BY_ACCOUNT, name="likes_by_account")),
    ]
