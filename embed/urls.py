from django.urls import path

from embed.api import docs
from embed.api.api import api
from embed.views import api_keys, feedback, manage, other_clients, tag

urlpatterns = [
    path("embed/v1.js", tag.script, name="embed_script"),
    path("embed/feedback.js", tag.script, {"name": "feedback"}, name="embed_feedback_script"),
    path("embed/feedback/", feedback.send_message, name="embed_feedback"),
    path("embed/ratings/", feedback.rate, name="embed_ratings"),
    path("embed/pages/", tag.pages, name="embed_pages"),
    path("embed/applause/get-claps", other_clients.get_claps),
    path("embed/applause/update-claps", other_clients.update_claps),
    path("embed/applause/get-multiple", other_clients.get_multiple),
    path("embed/openheart/<path:key>", other_clients.open_heart),
    path("api/v1/docs", docs.page, name="api_docs"),
    path("api/v1/", api.urls),
    path("sites/", manage.overview, name="sites"),
    path("sites/new/", manage.create, name="new_site"),
    path("sites/<pk:pk>/", manage.site, name="site"),
    path("sites/<pk:pk>/edit/", manage.edit, name="edit_site"),
    path("sites/<pk:pk>/remap/", manage.remap, name="remap"),
    path("sites/<pk:pk>/secret/", manage.secret, name="site_secret"),
    path("sites/<pk:pk>/keys/", api_keys.create, name="create_api_key"),
    path("sites/<pk:pk>/keys/<pk:key>/revoke/", api_keys.revoke, name="revoke_api_key"),
    path("sites/<pk:pk>/delete/", manage.delete, name="delete_site"),
]
