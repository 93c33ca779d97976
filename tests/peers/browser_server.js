// A shop with a page of everything a browser fetches, over HTTP/2 and HTTP/1.1: tells the test each request it gets.
const fs = require("fs");
const http2 = require("http2");
const { WebSocketServer } = require("ws");

const tell = (what) => console.log(JSON.stringify(what));
const [certificate, key] = process.argv.slice(2);
const tls = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key), allowHTTP1: true };

const PAGE = `<!doctype html><html><head><title>loading</title><link rel="stylesheet" href="/style.css">
<link rel="icon" href="/icon.png"></head><body><p id="styled">styled</p><img id="image" src="/image.png">
<iframe src="https://frame.test/frame.html"></iframe>
<script src="https://www.google-analytics.com/analytics.js"></script><script src="/page.js"></script></body></html>`;

// Runs in the page; what it finds out stands in window.told.
const SCRIPT = `
const told = {};
const until = (target, event) => new Promise((done) => target.addEventListener(event, done, { once: true }));
async function run() {
  if (!document.getElementById("image").complete) await until(document.getElementById("image"), "load");
  told.image = document.getElementById("image").naturalWidth;
  told.color = getComputedStyle(document.getElementById("styled")).color;
  const font = await new FontFace("Nothing", "url(/font.woff2)").load().catch((error) => error.name);
  told.font = font;
  const posted = await fetch("/api", { method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "ann@home.example", coded: btoa("ann@home.example") }) });
  told.fetched = await posted.json();
  const chat = new WebSocket("wss://shop.test/chat");
  await until(chat, "open");
  chat.send("I am ann@home.example");
  told.chat = (await until(chat, "message")).data;
  chat.close();
  const events = new EventSource("/events");
  told.event = (await until(events, "message")).data;
  events.close();
  const worker = await navigator.serviceWorker.register("/worker.js");
  await navigator.serviceWorker.ready;
  told.worker = worker.scope;
  const upload = new FormData();
  upload.append("mail", "ann@home.example");
  upload.append("file", new Blob(["x".repeat(200000)]), "x.bin");
  told.uploaded = (await fetch("/upload", { method: "POST", body: upload })).status;
}
run().catch((error) => { told.error = String(error); }).finally(() => { window.told = told; document.title = "done"; });
`;

const FORM = `<!doctype html><title>form</title><form method="post" action="/signup"><input name="email"
value="ann@home.example"></form><script>document.forms[0].submit()</script>`;

const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

// What a vendor's script can read of an answer, by every way there is; it sends on what it read in disguises.
const HARVEST = `
const told = {}, script = (src) => new Promise((done) => {
  const element = document.createElement("script");
  element.onload = element.onerror = done;
  element.src = src;
  document.head.append(element);
});
const framed = async (src) => {
  const frame = document.createElement("iframe");
  frame.src = src;
  const loaded = new Promise((done) => { frame.onload = done; });
  document.body.append(frame);
  await loaded;
  return frame.contentDocument.documentElement.textContent;
};
async function run() {
  for (const mode of ["cors", "same-origin", "no-cors"]) {
    told[mode] = await (await fetch("/known.json", { mode, cache: "no-store", referrer: "" })).text();
  }
  told.posted = await (await fetch("/known.json", { method: "POST", body: "{}" })).text();
  told.quiet = await (await fetch("/known.json", { referrerPolicy: "no-referrer", credentials: "omit" })).text();
  const asked = new XMLHttpRequest();
  asked.open("GET", "/known.json", false);
  asked.send();
  told.xhr = asked.responseText;
  told.frame = await framed("/known.json");
  told.page = await framed("/known.html");
  told.module = JSON.stringify((await import("/known.json", { with: { type: "json" } })).default);
  window.back = (what) => { told.jsonp = JSON.stringify(what); };
  await script("/known.js");
  told.worker = await new Promise((done) => {
    const source = "onmessage = async () => postMessage(await (await fetch('https://shop.test/known.json')).text())";
    const worker = new Worker(URL.createObjectURL(new Blob([source])));
    worker.onmessage = (message) => done(message.data);
    worker.postMessage(0);
  });
  const events = new EventSource("/known.events");
  told.event = await new Promise((done) => { events.onmessage = (event) => done(event.data); });
  events.close();
  const all = JSON.stringify(told);
  const body = JSON.stringify({ all, coded: btoa(all), backwards: all.split("").reverse().join("") });
  await fetch("/collect", { method: "POST", headers: { "content-type": "application/json" }, body });
}
run().catch((error) => { told.error = String(error); }).finally(() => { window.told = told; document.title = "done"; });
`;

const HARVESTER = `<!doctype html><html><head><title>loading</title></head><body><script src="/harvest.js"></script></body></html>`;

const FILES = {
  "/harvest.html": ["text/html", HARVESTER],
  "/harvest.js": ["text/javascript", HARVEST],
  "/": ["text/html", PAGE],
  "/frame.html": ["text/html", "<!doctype html><title>frame</title><script>fetch('/framed?mail=ann@home.example')</script>"],
  "/form.html": ["text/html", FORM],
  "/page.js": ["text/javascript", SCRIPT],
  "/worker.js": ["text/javascript", "self.addEventListener('fetch', () => {});"],
  "/style.css": ["text/css", "#styled { color: rgb(1, 2, 3) }"],
  "/image.png": ["image/png", PIXEL],
  "/icon.png": ["image/png", PIXEL],
  "/font.woff2": ["font/woff2", Buffer.alloc(16)],
  "/framed": ["text/plain", "ok"],
  "/upload": ["text/plain", "ok"],
};

const server = http2.createSecureServer(tls, (request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(pieces).toString("latin1");
    const { url, method, httpVersion, headers } = request;
    tell({ url, method, httpVersion, body, headers: JSON.stringify(headers) });
    answer(url.split("?")[0], body, response);
  });
});

let known = "";

function answer(path, body, response) {
  if (path === "/me") known = body;
  const says = { "/known.json": ["application/json", known], "/known.html": ["text/html", `<p>${known}`],
    "/known.js": ["text/javascript", `back(${known})`], "/known.events": ["text/event-stream", `data: ${known}\n\n`],
    "/me": ["application/json", known] }[path];
  if (says) {
    response.writeHead(200, { "content-type": says[0] });
    return path === "/known.events" ? response.write(says[1]) : response.end(says[1]);
  }
  if (path === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    return response.write("data: first\n\n");
  }
  if (path === "/api") {
    response.writeHead(200, { "content-type": "application/json" });
    return response.end(body);
  }
  if (path === "/signup") {
    response.writeHead(200, { "content-type": "text/html" });
    return response.end("<!doctype html><title>done</title><script>window.told = { welcome: true }</script>");
  }
  const [kind, content] = FILES[path] || ["text/plain", ""];
  response.writeHead(FILES[path] ? 200 : 404, { "content-type": kind });
  response.end(content);
}

const chats = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, socket, head) => {
  chats.handleUpgrade(request, socket, head, (chat) => {
    chat.on("message", (message) => {
      tell({ chat: message.toString() });
      chat.send("you said: " + message);
    });
  });
});
server.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));
process.stdin.on("end", () => process.exit(0)).resume();
