"""Posts and one session for each visitor: ``python seed.py <sessions.json> <posts> <visitors>``."""

import json
import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutorial.settings")
django.setup()

from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from hearts.models import Post  # noqa: E402

call_command("migrate", verbosity=0)
Post.objects.bulk_create([Post(title=f"post {number}") for number in range(int(sys.argv[2]))])
keys = [secrets.token_hex(16) for _ in range(int(sys.argv[3]))]
encode, tomorrow = SessionStore().encode, timezone.now() + timedelta(days=1)
Session.objects.bulk_create(
    Session(session_key=key, session_data=encode({"visitor": f"v{number}"}), expire_date=tomorrow)
    for number, key in enumerate(keys)
)
Path(sys.argv[1]).write_text(json.dumps(keys))
