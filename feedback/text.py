"""What of somebody's text may go where."""

from __future__ import annotations

import re

from django.utils.translation import gettext

# A word that a mail program could make clickable has a scheme, an @, or a dot (or one of its doubles) before letters.
LINK = re.compile(r"://|www\.|mailto:|[\w-][.。．｡][^\W\d_]{2,}|.@.", re.IGNORECASE)
FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # what starts one, also in the wide letters of Korean and Japanese keyboards


def unlinked(text: str) -> str:
    """The text without its links: the confirmation goes to whatever address somebody has typed."""
    return re.sub(r"\S+", lambda word: gettext("[link]") if LINK.search(word[0]) else word[0], text)


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def harmless_cell(value: str) -> str:
    """A spreadsheet runs a cell that starts like a formula; an apostrophe makes it text (OWASP, CSV Injection)."""
    return f"'{value}" if value[:1] in FORMULA else value
