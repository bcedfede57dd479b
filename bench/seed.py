"""Posts, and signed cookies of visitors, for a Redheart under test: ``python -m bench.seed <posts> <visitors>``.

Runs with that Redheart's environment and writes seed.json into its DATA_DIR.
"""

from __future__ import annotations

import json
import os
import sys


def main(posts: int, visitors: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from likes.models import Post
    from notifications.visitors import signer

    author = User.objects.create_user("bench")
    made = Post.objects.bulk_create([Post(author=author, text=f"Post {number}") for number in range(posts)])
    keys = [f"v{number:05}" for number in range(visitors)]
    seed = {"posts": [post.pk for post in made], "visitors": {key: signer.sign(key) for key in keys}}
    (settings.DATA_DIR / "seed.json").write_text(json.dumps(seed))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
