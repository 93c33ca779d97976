"""A client that speaks HTTP/2 frame by frame with `h2`, and knows the rules better than most vendors."""

import ssl
import sys

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hyperframe.frame
from through import tell, tunnel

HOST = "shop.test"


class Client:
    def __init__(self):
        context = ssl.create_default_context()
        context.set_alpn_protocols(["h2"])
        self.stream = context.wrap_socket(tunnel(HOST), server_hostname=HOST)
        assert self.stream.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.stream.sendall(self.h2.data_to_send())

    def ask(self, path, method="GET", end=True, fields=()):
        number = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "https"), (":authority", HOST), (":path", path)]
        self.h2.send_headers(number, head + list(fields), end_stream=end)
        self.flush()
        return number

    def events(self):
        """What comes, until the connection ends. `h2` raises where the gateway breaks a rule."""
        while True:
            data = self.stream.recv(65536)
            if not data:
                return
            for event in self.h2.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                yield event
            self.flush()

    def await_event(self, kind, stream=None):
        for event in self.events():
            if isinstance(event, kind) and stream in (None, getattr(event, "stream_id", None)):
                return event

    def answer(self, number):
        """Status, length, trailers of one answer."""
        status, length, trailers = None, 0, []
        for event in self.events():
            if getattr(event, "stream_id", None) != number:
                continue
            if isinstance(event, h2.events.ResponseReceived):
                status = dict(event.headers)[":status"]
            elif isinstance(event, h2.events.DataReceived):
                length += len(event.data)
            elif isinstance(event, h2.events.TrailersReceived):
                trailers = [list(field) for field in event.headers]
            elif isinstance(event, h2.events.StreamReset):
                return tell(reset=int(event.error_code))
            elif isinstance(event, h2.events.StreamEnded):
                return tell(status=status, length=length, trailers=trailers)


def trailers(client):
    """Of the vendor's."""
    fields = [("content-type", "text/plain"), ("te", "trailers")]
    number = client.ask("/trailers", "POST", end=False, fields=fields)
    client.h2.send_data(number, b"first ")
    client.h2.send_data(number, b"last", end_stream=True)
    client.flush()
    client.answer(number)


def ping(client):
    client.h2.ping(b"are you?")
    client.flush()
    tell(pong=client.await_event(h2.events.PingAckReceived).ping_data.decode())


def reset(client):
    """One stream is broken off, both before and while it is answered; its neighbour goes on."""
    held, kept = client.ask("/held", end=True), client.ask("/quick")
    client.answer(kept)
    sys.stdin.readline()
    client.h2.reset_stream(held, h2.errors.ErrorCodes.CANCEL)
    client.flush()
    client.answer(client.ask("/quick"))


def window(client):
    """A client that takes one byte first, and the rest of a long answer later."""
    client.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1})
    client.flush()
    client.await_event(h2.events.SettingsAcknowledged)
    number = client.ask("/long")
    first = client.await_event(h2.events.DataReceived, number)
    assert len(first.data) == 1, first
    client.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
    client.flush()
    client.answer(number)


def cut(client):
    """The vendor's answer breaks off."""
    client.answer(client.ask("/cut"))
    client.answer(client.ask("/quick"))


def goaway(client):
    """The gateway ends in good order. `h2` knows nothing that may follow GOAWAY, so frames are read here."""
    client.ask("/held")
    # Once the neighbour is answered the gateway has taken both.
    client.answer(client.ask("/quick"))
    sys.stdin.readline()
    stream = client.stream.makefile("rb")
    while True:
        frame, length = hyperframe.frame.Frame.parse_frame_header(memoryview(stream.read(9)))
        frame.parse_body(memoryview(stream.read(length)))
        if isinstance(frame, hyperframe.frame.GoAwayFrame):
            return tell(goaway=frame.error_code)


client = Client()
for name in sys.argv[1:]:
    globals()[name](client)
