"""A chat of `websockets`: says every message back and tells the test what it heard."""

import asyncio
import ssl
import sys

import websockets
from through import tell


async def chat(connection):
    tell(path=connection.path, extensions=[extension.name for extension in connection.extensions])
    try:
        async for message in connection:
            tell(text=message) if isinstance(message, str) else tell(binary=len(message))
            await connection.send(message)
            if connection.path == "/bye":
                await connection.close(4002, "later")
    except websockets.ConnectionClosed:
        pass
    tell(closed=connection.close_code, reason=connection.close_reason)


async def main(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with websockets.serve(chat, "127.0.0.1", 0, ssl=context) as server:
        tell(port=server.sockets[0].getsockname()[1])
        await asyncio.Future()


asyncio.run(main(*sys.argv[1:]))
