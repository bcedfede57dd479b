"""Settings, URLs, the ASGI and Celery applications, and the program that starts all parts.

Open `settings.py` first, then `asgi.py`.
"""

from project.celery import app as celery_app

__all__ = ["celery_app"]
