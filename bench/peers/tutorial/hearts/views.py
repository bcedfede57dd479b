from django.http import HttpResponse
from django.views.decorators.http import require_POST

from .models import Like
from .tasks import process_like


@require_POST
def like(request, post_id):
    liked = request.POST.get("liked") == "1"
    process_like.delay(post_id, request.session["visitor"], liked)
    return HttpResponse('<button class="heart%s" hx-post="/like/%d/">♥</button>' % (" on" if liked else "", post_id))


def count(request, post_id):
    return HttpResponse(str(Like.objects.filter(post_id=post_id).count()))
