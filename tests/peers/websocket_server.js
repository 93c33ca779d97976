// A chat of `ws`: says every message back and tells the test what it heard.
const fs = require("fs");
const https = require("https");
const { WebSocketServer } = require("ws");

const tell = (what) => console.log(JSON.stringify(what));
const [certificate, key] = process.argv.slice(2);
const server = https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) });

new WebSocketServer({ server, perMessageDeflate: true }).on("connection", (chat, request) => {
  tell({ path: request.url, extensions: chat.extensions ? chat.extensions.split(",") : [] });
  chat.on("message", (message, isBinary) => {
    tell(isBinary ? { binary: message.length } : { text: message.toString() });
    chat.send(message, { binary: isBinary });
    if (request.url === "/bye") chat.close(4002, "later");
  });
  chat.on("close", (code, reason) => tell({ closed: code, reason: reason.toString() }));
});
server.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));
