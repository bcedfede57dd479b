from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from embed import keys, services
from embed.keys import BadKey
from embed.models import Origin, Page, Site


class Command(BaseCommand):
    help = "Gives the likes of a page to another URL of the same site: remap OLD NEW."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("old", help="the URL, or with --site the key, that the page had")
        parser.add_argument("new", help="the URL or key that it has now")
        parser.add_argument("--site", type=int, help="the id of the site; needed for keys")

    def handle(self, *args: Any, old: str, new: str, site: int | None, **options: Any) -> None:
        try:
            services.remap(site=find_site(site, old), old=old, new=new)
        except Page.DoesNotExist as error:
            raise CommandError(f"Nobody has liked {old}.") from error
        except IntegrityError as error:
            raise CommandError(f"{new} has likes of its own.") from error
        except BadKey as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The likes of {old} are now those of {new}.")


def find_site(pk: int | None, url: str) -> Site:
    found = Site.objects.filter(pk=pk).first() if pk else None
    origin = Origin.objects.filter(origin=keys.origin_of(url)).select_related("site").first()
    if found or origin:
        return found or origin.site  # type: ignore[union-attr]
    raise CommandError("No such site. Give its id: --site 1")
