"""Both servers believe what a proxy says that TRUSTED_PROXIES names, and nobody else: pages, clicks and websockets."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count as numbers

import pytest
from websockets.exceptions import ConnectionClosed

from tests.deploy.site import HOST, JSON, Site, client, count, failed_sign_in, open_socket
from tests.live import until

PROXY = "127.0.0.1"
OTHERS = {"daphne": "127.0.11.1", "uvicorn": "127.0.12.1"}  # addresses of this machine, too
NETWORKS = {"daphne": "203.0.113", "uvicorn": "198.51.100"}
SERVERS = pytest.mark.parametrize("server", ["daphne", "uvicorn"])
TLS = {"x-forwarded-proto": "https"}


@SERVERS
def test_the_address_of_a_visitor_is_the_one_that_the_proxy_says(site: Site, server: str) -> None:
    headers = {**TLS, "x-forwarded-for": "1.1.1.1, 203.0.113.9"}
    with client(f"http://127.0.0.1:{site.webs[server]}", source=PROXY, headers=headers) as visitor:
        failed_sign_in(visitor, f"{server}-visitor")
    until(lambda: f"account '{server}-visitor' from 203.0.113.9" in site.output(server), lambda: site.output(server))


@SERVERS
def test_a_proxy_that_is_not_trusted_is_named_instead_of_redirected_for_ever(site: Site, server: str) -> None:
    with client(f"http://127.0.0.1:{site.webs[server]}", source=OTHERS[server]) as visitor:
        refused = visitor.get("/", headers=TLS)
        assert refused.status_code == 400
        assert f"A proxy at {OTHERS[server]} " in refused.text and "TRUSTED_PROXIES" in refused.text
        assert visitor.get("/").headers["location"] == f"https://{HOST}/"
    until(lambda: f"A proxy at {OTHERS[server]} " in site.output(server), lambda: site.output(server))


@SERVERS
@pytest.mark.parametrize("trusted", [True, False])
def test_newcomers_of_one_network_are_limited_and_forged_addresses_do_not_evade_that(
    site: Site, server: str, trusted: bool
) -> None:
    post = {"daphne": 2, "uvicorn": 3}[server]
    number = numbers(1)

    def first_click(network: str) -> int:
        """Of a new visitor: without a cookie."""
        forged = {**TLS, **JSON, "x-forwarded-for": f"{network}.{next(number) % 250}"}
        with client(f"http://127.0.0.1:{site.webs[server]}", source=PROXY if trusted else OTHERS[server]) as visitor:
            return visitor.post(f"/posts/{post}/like/", data={"liked": "1"}, headers=forged).status_code

    if trusted:
        assert [first_click(NETWORKS[server]) for _ in range(121)] == [202] * 120 + [429]
        assert first_click("192.0.2") == 202, "another network"
    else:
        assert [first_click(f"192.{n}.2") for n in range(121)] == [202] * 120 + [429]


@SERVERS
def test_sockets_are_counted_by_the_network_of_the_visitor(site: Site, server: str) -> None:
    headers, port = {**TLS, "x-forwarded-for": f"{NETWORKS[server]}.5"}, site.webs[server]
    with ExitStack() as pages:
        for _ in range(3):
            count(pages.enter_context(open_socket(port, tls=False, headers=headers)), lambda _: True)
        one_too_many = pages.enter_context(open_socket(port, tls=False, headers=headers))
        with pytest.raises(ConnectionClosed) as closed:
            one_too_many.recv(timeout=60)
        assert closed.value.rcvd and closed.value.rcvd.code == 1013
        elsewhere = open_socket(port, tls=False, headers={**TLS, "x-forwarded-for": "192.0.2.5"})
        count(pages.enter_context(elsewhere), lambda _: True)
