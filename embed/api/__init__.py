"""The REST API ``/api/v1/``, for servers: likes and feedback of one site, by a key that staff creates.

Open `api.py` first, then `likes.py` and `feedback.py`.
"""
