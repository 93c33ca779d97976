"""A guest of `websockets`: has the conversation of the test and tells what came back."""

import asyncio
import ssl
import sys
from urllib.parse import urlsplit

import websockets
from through import tell, tunnel


async def main(url):
    host = urlsplit(url).hostname
    context = ssl.create_default_context()
    async with websockets.connect(url, sock=tunnel(host), ssl=context, server_hostname=host) as chat:
        tell(extensions=[extension.name for extension in chat.extensions])
        if url.endswith("/bye"):
            await chat.send("bye")
            assert await chat.recv() == "bye"
            await chat.wait_closed()
            return tell(closed=chat.close_code, reason=chat.close_reason)
        for said in ['{"mail":"ann@home.example","n":1}', ["in pieces: ann@", "home", ".example!"]]:
            await chat.send(said)
            tell(text=await chat.recv())
        for said in ["grüße " * 20_000, bytes(range(256)) * 1000, ""]:
            await chat.send(said)
            assert await chat.recv() == said
        await (await chat.ping(b"are you there"))
        await chat.close(4001, "enough")
        tell(closed=chat.close_code, reason=chat.close_reason)


asyncio.run(main(*sys.argv[1:]))
