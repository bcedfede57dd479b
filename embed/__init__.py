"""Hearts on pages of other sites: the sites and their pages, the tag, and the requests that it sends.

A page is liked as a post is: it has a post of its own, which the feed does not show. Open `asgi.py` first.
"""
