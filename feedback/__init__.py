"""The feedback form with its live receipt, and the inbox where staff read and reply.

Open `services.py` first, then `views/sender.py`.
"""
