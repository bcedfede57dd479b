"""Makes posts and signed visitors for a Redheart under test: ``python -m bench.seed <posts> <visitors> …``.

Each post is a page of another site, too. Each further number makes one more post with so many likes. Runs with the
environment of that Redheart and writes seed.json into its DATA_DIR.
"""

from __future__ import annotations

import json
import os
import sys

ORIGIN = "https://blog.example"  # of pages with the tag


def main(posts: int, visitors: int, *liked: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User

    from core.visitors import signer
    from embed import tokens
    from embed.keys import digest
    from embed.models import Origin, Page, Site
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
    site = Site.objects.create(name="Bench", owner=author)
    Origin.objects.create(site=site, origin=ORIGIN)
    Page.objects.bulk_create(
        Page(site=site, key=f"page-{post.pk}", digest=digest(site.pk, f"page-{post.pk}"), post=post) for post in made
    )
    seed = {
        "posts": [post.pk for post in made],
        "grown": grown,
        "visitors": {key: signer.sign(key) for key in keys},
        "tokens": {key: tokens.issue(site.pk, key) for key in keys},
    }
    (settings.DATA_DIR / "seed.json").write_text(json.dumps(seed))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
