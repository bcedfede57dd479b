"""The emails of a development site, as staff read them in the browser."""

from __future__ import annotations

import re

import httpx

from tests.e2e.people import Author
from tests.live import Live, until


class Mailbox:
    """The mails to one address, as staff read them on the site in development."""

    def __init__(self, live: Live, address: str) -> None:
        self.staff, self.address = Author(httpx.Client(base_url=live.url), "staff"), address

    def link(self, subject: str, path: str) -> str:
        """The link to this path in the mail with this subject, once it has come."""
        row = rf'href="(/inbox/mails/[^"]+)"><span class="address">{self.address}</span>(?:(?!</a>).)*{subject}'
        until(lambda: re.search(row, self.read("/inbox/mails/")), f"no mail: {subject}")
        [mail] = re.findall(row, self.read("/inbox/mails/"))
        [link] = re.findall(rf'href="(http://[^"]+{path}[^"]+)"', self.read(mail))
        return str(link)

    def read(self, path: str) -> str:
        return self.staff.client.get(path, headers={"accept-language": "en"}).text
