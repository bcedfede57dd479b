"""What people call a browser."""

from __future__ import annotations

import re

from django.utils.translation import gettext

BROWSERS = {  # the name of each, and what its user agent contains; the first match counts
    "Edge": "Edg",
    "Opera": "OPR/",
    "Samsung Internet": "SamsungBrowser",
    "Firefox": "Firefox|FxiOS",
    "Chrome": "Chrome|CriOS",
    "Safari": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "ChromeOS": "CrOS",
    "Windows": "Windows",
    "macOS": "Mac OS",
    "Linux": "Linux",
}


def name_of(agent: str) -> str:
    """The name of a browser by its user agent: Chrome · Linux."""
    found = [
        next((name for name, pattern in names.items() if re.search(pattern, agent)), "")
        for names in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(filter(None, found)) or gettext("Browser")
