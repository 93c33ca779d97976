"""A customer of httpx, by the proxy and the roots that its environment names. Does what the test says."""

import sys

import httpx
from through import tell

version, what, url = sys.argv[1:]
client = httpx.Client(http1=version == "1.1", http2=version == "2", timeout=60)


def events():
    """Tells each event when it comes."""
    with client.stream("GET", url, headers={"Accept": "text/event-stream"}) as answer:
        tell(status=answer.status_code, version=answer.http_version)
        for line in answer.iter_lines():
            if line.strip():
                tell(event=line.strip())


def sign_up():
    """The forms a body can have, on one connection."""
    mail = "ann@home.example"
    for given in (
        {"data": {"email": mail, "plan": "a"}},
        {"json": {"user": {"email": mail}, "age": 42}},
        {"files": {"picture": ("a.png", b"\x89PNG\x00" * 100, "image/png")}, "data": {"email": mail}},
    ):
        answer = client.post(url, params={"mail": mail}, headers={"X-Mail": mail}, **given)
        tell(status=answer.status_code, version=answer.http_version)


def pieces():
    """A body without a length."""
    answer = client.post(url, content=(b"%06d" % number * 1000 for number in range(500)))
    tell(status=answer.status_code, version=answer.http_version)


globals()[what]()
