"""A vendor of grpcio: four kinds of calls over plain bytes, and what the test is told of them."""

import sys
from concurrent import futures

import grpc
from through import tell


def told(context):
    """What came beside the messages."""
    return {key: value for key, value in context.invocation_metadata() if key in ("x-mail", "sec-gpc")}


def one(request, context):
    tell(call="one", length=len(request), fields=told(context))
    context.set_trailing_metadata((("x-count", "1"), ("x-data-bin", b"\x00\xff")))
    return request[::-1]


def down(request, context):
    tell(call="down", length=len(request))
    for number in range(int(request)):
        yield b"message %d" % number


def up(requests, context):
    total = sum(len(request) for request in requests)
    tell(call="up", length=total)
    return b"%d" % total


def both(requests, context):
    """Answers each message before it hears the next."""
    context.send_initial_metadata((("x-room", "open"),))
    for request in requests:
        yield b"heard " + request
    tell(call="both", ended=True)


def refuse(request, context):
    context.set_trailing_metadata((("x-why", "closed today"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not on a Sunday: 100 % closed, grüße")


def fail(request, context):
    yield b"first"
    context.abort(grpc.StatusCode.DATA_LOSS, "half of it is gone")


def hang(request, context):
    """Waits until the caller has had enough."""
    gone = futures.Future()
    context.add_callback(lambda: gone.set_result(None))
    tell(call="hang", begun=True)
    gone.result()
    tell(call="hang", ended=True)
    return b""


CALLS = {
    "One": grpc.unary_unary_rpc_method_handler(one),
    "Down": grpc.unary_stream_rpc_method_handler(down),
    "Up": grpc.stream_unary_rpc_method_handler(up),
    "Both": grpc.stream_stream_rpc_method_handler(both),
    "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
    "Fail": grpc.unary_stream_rpc_method_handler(fail),
    "Hang": grpc.unary_unary_rpc_method_handler(hang),
}


def main(certificate, key):
    with open(key, "rb") as private, open(certificate, "rb") as public:
        credentials = grpc.ssl_server_credentials([(private.read(), public.read())])
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Shop", CALLS)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    tell(port=port)
    server.wait_for_termination()


main(*sys.argv[1:])
