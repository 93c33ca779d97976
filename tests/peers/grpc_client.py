"""A customer of grpcio, by the proxy and the roots that its environment names. Calls what the test says."""

import queue
import sys

import grpc
from through import tell

channel = grpc.secure_channel("grpc.shop.test:443", grpc.ssl_channel_credentials())


def one():
    """Unary, with fields beside the message and with trailers."""
    call = channel.unary_unary("/shop.Shop/One")
    request = b"\x00\x01binary " * 1000
    answer, done = call.with_call(request, metadata=(("x-mail", "ann@home.example"),))
    assert answer == request[::-1]
    tell(code=done.code().name, trailers=[[key, len(value)] for key, value in done.trailing_metadata()])


def down():
    answers = channel.unary_stream("/shop.Shop/Down")(b"5000")
    assert list(answers) == [b"message %d" % number for number in range(5000)]
    tell(code=answers.code().name)


def up():
    """More than any window holds."""
    answer, done = channel.stream_unary("/shop.Shop/Up").with_call(b"x" * 100_000 for _ in range(200))
    tell(code=done.code().name, answer=answer.decode())


def both():
    """Each message leaves only when the last one was answered."""
    said = queue.SimpleQueue()
    answers = channel.stream_stream("/shop.Shop/Both")(iter(said.get, None))
    tell(room=dict(answers.initial_metadata()).get("x-room"))
    for number in range(100):
        said.put(b"number %d" % number)
        assert next(answers) == b"heard number %d" % number
    said.put(None)
    assert list(answers) == []
    tell(code=answers.code().name)


def refused(error):
    trailers = dict(error.trailing_metadata() or ())
    tell(code=error.code().name, details=error.details(), why=trailers.get("x-why"))


def refuse():
    try:
        channel.unary_unary("/shop.Shop/Refuse")(b"")
    except grpc.RpcError as error:
        refused(error)


def fail():
    """An error after a message."""
    answers = channel.unary_stream("/shop.Shop/Fail")(b"")
    assert next(answers) == b"first"
    try:
        next(answers)
    except grpc.RpcError as error:
        refused(error)


def deadline():
    """A call that the caller's own time ends."""
    try:
        channel.unary_unary("/shop.Shop/Hang")(b"", timeout=2)
    except grpc.RpcError as error:
        tell(code=error.code().name)


def cancel():
    """A call that the caller breaks off once the vendor is at it."""
    call = channel.unary_unary("/shop.Shop/Hang").future(b"")
    sys.stdin.readline()
    call.cancel()
    tell(code=call.code().name)


def missing():
    try:
        channel.unary_unary("/shop.Shop/Nowhere")(b"")
    except grpc.RpcError as error:
        tell(code=error.code().name)


for name in sys.argv[1:]:
    globals()[name]()
