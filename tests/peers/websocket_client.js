// A guest of `ws`: has the conversation of the test and tells what came back.
const assert = require("assert");
const { HttpsProxyAgent } = require("https-proxy-agent");
const { WebSocket } = require("ws");
const { once } = require("events");

const tell = (what) => console.log(JSON.stringify(what));
const url = process.argv[2];

async function main() {
  const chat = new WebSocket(url, { agent: new HttpsProxyAgent(process.env.HTTPS_PROXY) });
  const closed = once(chat, "close");
  await once(chat, "open");
  tell({ extensions: chat.extensions ? chat.extensions.split(",") : [] });
  const echo = async (...pieces) => {
    const heard = once(chat, "message");
    pieces.forEach((piece, at) => chat.send(piece, { fin: at + 1 === pieces.length }));
    return (await heard)[0];
  };
  if (url.endsWith("/bye")) {
    assert.strictEqual((await echo("bye")).toString(), "bye");
  } else {
    for (const said of [['{"mail":"ann@home.example","n":1}'], ["in pieces: ann@", "home", ".example!"]]) {
      tell({ text: (await echo(...said)).toString() });
    }
    for (const said of ["grüße ".repeat(20_000), Buffer.alloc(256_000, "bytes \u0000\u0001"), ""]) {
      assert.deepStrictEqual(await echo(said), Buffer.from(said));
    }
    const answered = once(chat, "pong");
    chat.ping("are you there");
    assert.strictEqual((await answered)[0].toString(), "are you there");
    chat.close(4001, "enough");
  }
  const [code, reason] = await closed;
  tell({ closed: code, reason: reason.toString() });
}
main();
