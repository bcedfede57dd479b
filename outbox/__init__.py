"""All outgoing messages: written in the transaction that caused them, sent by a worker, retried from the row.

Open `models.py` first, then `sending.py`.
"""
