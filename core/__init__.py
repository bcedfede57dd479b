"""What every app needs and no app owns: who is looking, accounts, permissions, rate limits, Redis.

Open `visitors.py` first.
"""
