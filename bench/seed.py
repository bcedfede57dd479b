"""Makes posts and signed visitor cookies for a Redheart under test: ``python -m bench.seed <posts> <visitors> …``.

Each further number makes one more post with so many likes. Runs with the environment of that Redheart and writes
seed.json into its DATA_DIR.
"""

from __future__ import annotations

import json
import os
import sys


def main(posts: int, visitors: int, *liked: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User

    from core.visitors import signer
    from likes.models import Like, Post

    author = User.objects.create_user("bench")
    made = Post.objects.bulk_create([Post(author=author, text=f"Post {number}") for number in range(posts)])
    grown = []
    for number in liked:
        post = Post.objects.create(author=author, text="A post that is liked", like_count=number)
        grown.append((number, post.pk))
        times = {"clicked_at": post.created_at, "settled_at": post.created_at, "notified_at": post.created_at}
        likes = (Like(post=post, visitor=f"w{n}", wanted=True, counted=True, **times) for n in range(number))
        Like.objects.bulk_create(likes, batch_size=1000)
    keys = [f"v{number:05}" for number in range(visitors)]
    seed = {
        "posts": [post.pk for post in made],
        "grown": grown,
        "visitors": {key: signer.sign(key) for key in keys},
    }
    (settings.DATA_DIR / "seed.json").write_text(json.dumps(seed))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
