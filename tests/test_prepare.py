"""`manage.py prepare`: demo accounts in development, and a production site that refuses to start with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.live import ROOT, free_port
from tests.test_settings import clean

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "a production key" * 4, "ALLOWED_HOSTS": "redheart.example"}
PRODUCTION["EMAIL_URL"] = "smtp://mail.example"


def run(folder: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=clean(folder, **env), capture_output=True, text=True, timeout=120
    )


def test_production_does_not_start_until_the_demo_accounts_are_deleted(tmp_path: Path) -> None:
    assert run(tmp_path, "manage.py", "prepare").returncode == 0
    refused = run(tmp_path, "-m", "project.run", PORT=str(free_port()), **PRODUCTION)
    assert refused.returncode == 1
    output = refused.stdout + refused.stderr
    assert "python manage.py changepassword staff" in output
    assert "staff, mina, jun" in output
    assert "Traceback" not in output
    run(
        tmp_path, "manage.py", "shell", "-c", "from django.contrib.auth.models import User; User.objects.all().delete()"
    )
    (ROOT / "staticfiles/staticfiles.json").unlink(missing_ok=True)
    assert run(tmp_path, "manage.py", "prepare", **PRODUCTION).returncode == 0
    assert (ROOT / "staticfiles/staticfiles.json").exists(), "without the static files every page is an error"


@pytest.mark.django_db
def test_production_refuses_active_staff_with_the_demo_password_and_nobody_else(settings: Settings) -> None:
    settings.DEBUG = False
    boss = User.objects.create_user("boss", password="redheart", is_staff=True)
    with pytest.raises(CommandError, match="boss"):
        call_command("prepare")
    boss.set_password("a long pass phrase")
    boss.save()
    User.objects.create_user("sora", password="redheart")
    User.objects.create_user("former", password="redheart", is_staff=True, is_active=False)
    call_command("prepare")
