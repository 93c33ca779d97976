"""A vendor that sends events, each only when the test says so, over HTTP/1.1 in chunks."""

import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from through import tell


class Vendor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in sys.stdin:
            text = f"data: {event.strip()}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            if event.strip() == "bye":
                break
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def main(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    tell(port=server.server_address[1])
    server.serve_forever()


main(*sys.argv[1:])
