"""Posts and their like button: the click, its settling by a worker, the count on every page.

Open `asgi.py` first, then `tasks.py`.
"""
