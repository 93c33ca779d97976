"""Writes protected values in every way it knows into requests, and says which of them can be read out of what arrived.

Shares nothing with the program under test. Speaks with the test line by line: gets the values, gives a request, gets what
the vendor received, gives its verdict, and so on.
"""

import base64
import gzip
import hashlib
import html
import json
import re
import sys
import unicodedata
import urllib.parse
import zlib

import brotli
import zstandard

HEAD = "{method} {target} HTTP/1.1\r\nHost: shop.test\r\n{fields}\r\n"
MOST_VIEWS = 4000


# --- writing ---------------------------------------------------------------------------------------------------------


def quote(text, every=False, lower=False):
    if every:
        out = "".join("%%%02X" % byte for byte in text.encode())
    else:
        out = urllib.parse.quote(text, safe="")
    return re.sub("%..", lambda found: found.group().lower(), out) if lower else out


def b64(data, url=False, padded=True):
    out = (base64.urlsafe_b64encode if url else base64.b64encode)(data).decode()
    return out if padded else out.rstrip("=")


def escape_all(text):
    return "".join("\\u%04x" % unit for unit in utf16(text))


def escape_signs(text):
    return "".join("\\u%04X" % ord(char) if ord(char) < 0x10000 and not char.isalnum() else char for char in text)


def utf16(text):
    data = text.encode("utf-16-be")
    return [data[at] << 8 | data[at + 1] for at in range(0, len(data), 2)]


def normalised(kind, value):
    """What advertisers hash, by their own documentation."""
    lower = value.strip().lower()
    if kind.startswith("phone"):
        digits = re.sub("[^0-9]", "", value)
        return ["+" + digits, digits]
    if kind.startswith("email"):
        local, domain = lower.split("@")
        return [lower, local.split("+")[0] + "@" + domain]
    if kind.startswith("name"):
        return [lower, "".join(char for char in lower if char.isalpha())]
    return [lower]


HASHES = {"sha256": hashlib.sha256, "sha1": hashlib.sha1, "md5": hashlib.md5}


def letters(kind, value):
    """The value in other alphabets."""
    data = value.encode()
    for lead in ("", "a ", "ab ", '{"v":"'):
        tail = '"}' if lead.startswith("{") else ""
        text = (lead + value + tail).encode()
        yield "base64 " + lead, b64(text)
        yield "base64url " + lead, b64(text, url=True, padded=False)
    yield "base64 of upper case", b64(value.upper().encode())
    yield "hex", data.hex()
    yield "HEX", data.hex().upper()
    yield "base64 of percent", b64(quote(value).encode())
    yield "base64 of JSON escapes", b64(('{"v":"%s"}' % escape_signs(value)).encode())
    yield "base64 of base64", b64(b64(data).encode())
    yield "base64 of hex", b64(data.hex().encode())
    yield "base64 of gzip", b64(gzip.compress(json.dumps({"e": [value]}).encode()))
    yield "prefixed", "id-" + b64(data, url=True, padded=False)
    for text in normalised(kind, value):
        for name, make in HASHES.items():
            digest = make(text.encode()).digest()
            yield name, digest.hex()
            yield name.upper(), digest.hex().upper()
            yield name + " base64", b64(digest)
            yield name + " base64url", b64(digest, url=True, padded=False)


def spellings(kind, value):
    """The value in its own letters."""
    yield "raw", value
    yield "upper case", value.upper()
    yield "decomposed", unicodedata.normalize("NFD", value)
    if kind.startswith("email"):
        local, domain = value.split("@")
        yield "tagged", local.split("+")[0] + "+news@" + domain
    if kind.startswith("phone"):
        yield "grouped", value[:3] + " " + value[3:6] + " / " + value[6:]
        yield "national", "0" + value[3:]
        yield "00", "00" + value[1:]
    if kind.startswith("name"):
        given, family = value.rsplit(" ", 1)
        yield "turned round", family + ", " + given


def in_place(place, text, plain):
    """A request with the text in that place. `plain` text is of letters that need no care."""
    form = "application/x-www-form-urlencoded"
    field = text if text.isascii() else quote(text)
    if place == "query":
        for spelt in (quote(text), quote(text, every=True), quote(quote(text)), quote(text, lower=True)):
            yield "GET", "/a?x=1&who=" + spelt + "&y", [], None
    elif place == "path":
        yield "GET", "/u/" + quote(text) + "/orders", [], None
        if plain:
            yield "GET", "/u/" + text.replace("/", "%2F") + "/orders", [], None
    elif place == "header":
        yield "GET", "/a", [("X-Who", "for " + field)], None
    elif place == "cookie":
        yield "GET", "/a", [("Cookie", "a=1; who=" + quote(text) + "; b=2")], None
    elif place == "referer":
        yield "GET", "/a", [("Referer", "https://shop.test/p?who=" + quote(text))], None
    elif place == "form":
        for spelt in (quote(text), quote(text, every=True), urllib.parse.quote_plus(text)):
            yield "POST", "/a", [("Content-Type", form)], "a=1&who=" + spelt + "&b=2"
    elif place == "json":
        kind = [("Content-Type", "application/json")]
        yield "POST", "/a", kind, json.dumps({"a": 1, "who": text, "b": [True]})
        yield "POST", "/a", kind, json.dumps({"who": text}, ensure_ascii=False)
        yield "POST", "/a", kind, '{"who":"%s"}' % escape_all(text)
        yield "POST", "/a", kind, json.dumps({"body": json.dumps({"deep": {"who": text}})})
        yield "POST", "/a", kind, json.dumps({"query": "mutation($w:String){add(w:$w)}", "variables": {"w": text}})
    elif place == "multipart":
        part = '--cut\r\nContent-Disposition: form-data; name="who"\r\n\r\n%s\r\n--cut--\r\n' % text
        yield "POST", "/a", [("Content-Type", "multipart/form-data; boundary=cut")], part
    elif place == "text":
        yield "POST", "/a", [("Content-Type", "text/plain; charset=utf-8")], "I am " + text + ", hello."
    elif place == "html":
        kind = [("Content-Type", "text/html")]
        yield "POST", "/a", kind, "<p>" + html.escape(text) + "</p>"
        yield "POST", "/a", kind, "<p>" + "".join("&#%d;" % ord(char) for char in text) + "</p>"
        yield "POST", "/a", kind, "<p>" + text.replace("@", "&commat;").replace(".", "&period;") + "</p>"
    elif place == "xml":
        kind = [("Content-Type", "application/soap+xml; charset=utf-8")]
        yield "POST", "/a", kind, "<e:E xmlns:e='x'><who id='%s'/></e:E>" % html.escape(text)
        yield "POST", "/a", kind, "<who><![CDATA[" + text + "]]></who>"
    elif place == "wide":
        yield "POST", "/a", [("Content-Type", "text/plain; charset=utf-16")], ("utf-16", "I am " + text + ".")
        yield "POST", "/a", [("Content-Type", "application/json")], ("utf-16-be", json.dumps({"who": text}))
        yield "POST", "/a", [("Content-Type", "text/xml")], ("utf-16-le", "<who>" + html.escape(text) + "</who>")
    elif place == "lines":
        kind = [("Content-Type", "application/x-ndjson")]
        yield "POST", "/a", kind, json.dumps({"n": 1}) + "\n" + json.dumps({"who": text}) + "\n"


PLACES = ["query", "path", "header", "cookie", "referer", "form", "json", "multipart", "text", "html", "xml", "wide", "lines"]

CODINGS = {
    "identity": lambda data: data,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


def request(method, target, fields, body, coding):
    fields = list(fields)
    charset, body = body if isinstance(body, tuple) else ("utf-8", body)
    data = b"" if body is None else CODINGS[coding](body.encode(charset))
    if body is not None:
        fields.append(("Content-Length", str(len(data))))
        if coding != "identity":
            fields.append(("Content-Encoding", coding))
    lines = "".join("%s: %s\r\n" % field for field in fields)
    return HEAD.format(method=method, target=target, fields=lines).encode() + data


def cut(body, at):
    """The request in pieces: its body in two chunks."""
    fields = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    chunk = lambda data: b"%x\r\n%s\r\n" % (len(data), data)
    head = HEAD.format(method="POST", target="/a", fields=fields).encode()
    return [head + chunk(body[:at]), chunk(body[at:]) + b"0\r\n\r\n"]


def scenes(values):
    codings = list(CODINGS)
    turn = 0
    for kind, value in values.items():
        texts = [(label, text, False) for label, text in spellings(kind, value)]
        texts += [(label, text, True) for label, text in letters(kind, value)]
        for label, text, plain in texts:
            for place in PLACES:
                for method, target, fields, body in in_place(place, text, plain):
                    turn += 1
                    coding = codings[turn % len(codings)]
                    yield "%s, %s, %s, %s" % (kind, label, place, coding), [request(method, target, fields, body, coding)]


def cuts(values):
    for kind in ("email.primary", "phone.primary", "name.full", "device.id"):
        value = values[kind]
        digest = hashlib.sha256(normalised(kind, value)[0].encode()).digest()
        for text in (value, b64(value.encode()), value.encode().hex(), digest.hex(), b64(digest)):
            body = json.dumps({"a": 1, "w": text}).encode()
            for at in range(1, len(body)):
                yield "%s cut at %d" % (kind, at), cut(body, at)


def messages(values):
    """Of a WebSocket, in one frame or several."""
    for kind, value in values.items():
        texts = [(label, text) for label, text in spellings(kind, value)]
        texts += [(label, text) for label, text in letters(kind, value)]
        for turn, (label, text) in enumerate(texts):
            for number, said in enumerate((
                "I am " + text + ", hello.",
                json.dumps({"a": 1, "who": text}),
                '{"who":"%s"}' % escape_all(text),
                '42["say",%s]' % json.dumps({"deep": json.dumps({"who": text})}),
            )):
                data, frames = said.encode(), (turn + number) % 3 + 1
                size = -(-len(data) // frames)
                yield "%s, %s, message, %d frames" % (kind, label, frames), [
                    data[at:at + size] for at in range(0, len(data), size)
                ]


# --- reading ---------------------------------------------------------------------------------------------------------


def message(data):
    """The head, and the body with chunks and codings undone."""
    head, _, body = data.partition(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        whole = b""
        while body:
            size, _, rest = body.partition(b"\r\n")
            length = int(size.split(b";")[0], 16)
            if length == 0:
                break
            whole, body = whole + rest[:length], rest[length + 2:]
        body = whole
    coding = re.search(rb"content-encoding: *([a-z]+)", lower)
    if coding and body:
        undo = {
            b"gzip": gzip.decompress,
            b"deflate": zlib.decompress,
            b"br": brotli.decompress,
            b"zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        }
        body = undo[coding.group(1)](body)
    return head, body


def is_text(data):
    plain = sum(32 <= byte < 127 or byte in b"\r\n\t" or byte >= 0x80 for byte in data)
    return len(data) > 0 and plain >= 0.9 * len(data)


def readings(data):
    for charset in ("utf-16-le", "utf-16-be"):
        if data.count(0) * 3 > len(data):
            yield data.decode(charset, "replace").encode()
    yield urllib.parse.unquote_to_bytes(data)
    yield urllib.parse.unquote_to_bytes(data.replace(b"+", b" "))
    text = data.decode("utf-8", "replace")
    yield html.unescape(text).encode()
    unit = lambda found: chr(int(found.group(1), 16)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", unit, text).replace("\\/", "/").replace('\\"', '"').encode()
    except UnicodeError:
        pass
    for run in re.findall(rb"[A-Za-z0-9+/_-]{8,}={0,2}", data):
        for piece in {run, *re.split(rb"[-_+/]", run)}:
            yield from decoded(piece)
    for run in re.findall(rb"[0-9a-fA-F]{12,}", data):
        for from_ in (0, 1):
            digits = run[from_:]
            yield bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def decoded(run):
    run = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    for phase in range(4):
        piece = run[phase:]
        if len(piece) % 4 == 1:
            piece = piece[:-1]
        data = base64.b64decode(piece + b"=" * (-len(piece) % 4))
        if data[:2] == b"\x1f\x8b":
            try:
                data = zlib.decompressobj(31).decompress(data)
            except zlib.error:
                continue
        yield data


def views(data, depth=4):
    # UTF-16 is no text yet.
    seen, fresh = {data}, [data]
    for _ in range(depth):
        deeper = []
        for one in fresh:
            for view in readings(one):
                if len(view) >= 4 and view not in seen and (is_text(view)) and len(seen) < MOST_VIEWS:
                    seen.add(view)
                    deeper.append(view)
        fresh = deeper
    return seen


class Oracle:
    def __init__(self, values, is_http):
        self.is_http = is_http
        self.plain, self.digits, self.digests = {}, {}, {}
        for kind, value in values.items():
            forms = {value, value.replace("-", "").replace(":", "")}
            if kind.startswith("email"):
                local, domain = value.split("@")
                forms.add(local.split("+")[0] + "+news@" + domain)
            if kind.startswith("name"):
                given, family = value.rsplit(" ", 1)
                forms |= {family + ", " + given, family + " " + given}
            if kind.startswith("phone"):
                self.digits[kind] = re.sub("[^0-9]", "", value)[2:]
                forms = set()
            self.plain[kind] = {fold(form) for form in forms}
            marks = set()
            for text in normalised(kind, value):
                for make in HASHES.values():
                    digest = make(text.encode()).digest()
                    marks |= {digest.hex(), b64(digest, padded=False), b64(digest, url=True, padded=False)}
            self.digests[kind] = marks

    def leaks(self, data):
        found = set()
        head, body = message(data) if self.is_http else (b"", data)
        for view in views(head) | views(body):
            text = fold(view.decode("utf-8", "replace"))
            exact = view.decode("latin-1")
            lower, digits = exact.lower(), re.sub("[^0-9]", "", text)
            for kind, forms in self.plain.items():
                if any(form in text for form in forms):
                    found.add(kind)
            for kind, number in self.digits.items():
                if number in digits:
                    found.add(kind)
            for kind, marks in self.digests.items():
                if any(mark in exact or (len(mark) % 8 == 0 and mark in lower) for mark in marks):
                    found.add(kind + " digest")
        return sorted(found)


def fold(text):
    return unicodedata.normalize("NFC", text).replace("\u00a0", " ").lower().replace("ß", "ss")


# --- speaking --------------------------------------------------------------------------------------------------------


def say(value):
    print(json.dumps(value), flush=True)


def main():
    values = json.loads(sys.stdin.readline())
    oracle = Oracle(values, is_http=sys.argv[1] != "messages")
    make = {"scenes": scenes, "cuts": cuts, "messages": messages}[sys.argv[1]]
    count = 0
    for label, pieces in make(values):
        count += 1
        blind = count % 50 == 0 and not oracle.leaks(b"".join(pieces))
        say({"label": label, "pieces": [b64(piece) for piece in pieces], "blind": blind})
        got = sys.stdin.readline()
        if not got:
            return
        say({"leaks": oracle.leaks(base64.b64decode(json.loads(got)))})
    say({"label": "", "pieces": [], "count": count})


main()
