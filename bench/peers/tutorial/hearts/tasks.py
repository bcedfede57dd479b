from asgiref.sync import async_to_sync
from celery import shared_task
from channels.layers import get_channel_layer
from django.template.loader import render_to_string

from .models import Like


@shared_task
def process_like(post_id, visitor, liked):
    if liked:
        Like.objects.get_or_create(post_id=post_id, visitor=visitor)
    else:
        Like.objects.filter(post_id=post_id, visitor=visitor).delete()
    count = Like.objects.filter(post_id=post_id).count()
    html = render_to_string("count.html", {"post_id": post_id, "count": count})
    message = {"type": "like.update", "post": post_id, "count": count, "by": visitor, "liked": liked, "html": html}
    async_to_sync(get_channel_layer().group_send)("likes", message)
    return count
