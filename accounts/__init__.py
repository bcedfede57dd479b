"""Accounts: sign-up, sign-in, password, email address, sessions, and their end.

Open `services.py` first, then `mail.py`.
"""
