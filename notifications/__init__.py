"""The bell, the list and its settings, and what is sent besides: push, email digest, integrations.

Open `notify.py` first, then `sending/fan_out.py`.
"""
