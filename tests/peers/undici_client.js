// A customer of `undici`, by the proxy that its environment names. Does what the test says.
const assert = require("assert");
const { ProxyAgent, request, fetch, setGlobalDispatcher } = require("undici");

const tell = (what) => console.log(JSON.stringify(what));
const [what, url] = process.argv.slice(2);
setGlobalDispatcher(new ProxyAgent(process.env.HTTPS_PROXY));

const doing = {
  // The forms a body can have.
  async sign_up() {
    const mail = "ann@home.example";
    const form = new URLSearchParams({ email: mail, plan: "a" });
    const json = JSON.stringify({ user: { email: mail } });
    for (const [body, type] of [[form.toString(), "application/x-www-form-urlencoded"], [json, "application/json"]]) {
      const answer = await fetch(url, { method: "POST", body, headers: { "content-type": type, "x-mail": mail } });
      tell({ status: answer.status, text: await answer.text() });
    }
  },
  // Without a length, and piece by piece.
  async upload() {
    async function* pieces() {
      for (let number = 0; number < 500; number++) yield String(number).padStart(6, "0").repeat(1000);
    }
    const answer = await request(url, { method: "PUT", body: pieces() });
    tell({ status: answer.statusCode, text: await answer.body.text() });
  },
  // Each piece leaves the vendor when the last one has been told here.
  async download() {
    const answer = await request(url, { headers: { te: "trailers" } });
    for await (const piece of answer.body) tell({ piece: piece.toString() });
    tell({ trailers: answer.trailers });
  },
  // Many at once.
  async many() {
    const one = async (number) => (await fetch(`${url}?n=${number}`)).text();
    const texts = await Promise.all([...Array(50).keys()].map(one));
    tell({ answers: texts.filter((text) => text === "ok").length });
  },
  // Broken off by the customer.
  async abort() {
    const control = new AbortController();
    const answer = await request(url, { signal: control.signal });
    tell({ status: answer.statusCode });
    control.abort();
    await assert.rejects(answer.body.text(), { name: "AbortError" });
  },
};
doing[what]().then(() => process.exit(0));
