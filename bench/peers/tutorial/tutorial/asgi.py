import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutorial.settings")
django_app = get_asgi_application()

from hearts.consumers import LikesConsumer  # noqa: E402

sockets = URLRouter([path("ws/likes/", LikesConsumer.as_asgi())])
application = ProtocolTypeRouter({"http": django_app, "websocket": AuthMiddlewareStack(sockets)})
