"""The websocket of every page: what can be watched, and how an event reaches the pages that watch it.

Open `topics.py` first, then `broadcast.py` and `hub.py`.
"""
