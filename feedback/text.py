"""Makes the text of a sender safe for emails and spreadsheets."""

from __future__ import annotations

import re

from django.utils.translation import gettext

# Mail programs make a word clickable that has a scheme, an @, or a dot (also a full-width one) before letters.
LINK = re.compile(r"://|www\.|mailto:|[\w-][.。．｡][^\W\d_]{2,}|.@.", re.IGNORECASE)
FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # how one starts, also in the full-width letters of Korean and Japanese keyboards


def unlinked(text: str) -> str:
    """The text without its links, because anybody can have a confirmation sent to any address."""
    return re.sub(r"\S+", lambda word: gettext("[link]") if LINK.search(word[0]) else word[0], text)


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def escaped_cell(value: str) -> str:
    """An apostrophe keeps a spreadsheet from running a cell that starts like a formula (OWASP, CSV Injection)."""
    return f"'{value}" if value[:1] in FORMULA else value
