// Chromium without a window, led by its DevTools protocol: loads a page and tells what the page found out. It is led
// through pipes, and ends by itself once they do.
const { spawn } = require("child_process");

const [profile, proxy, url] = process.argv.slice(2);
const chromium = spawn("/usr/bin/chromium-headless-shell", [
  "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
  `--user-data-dir=${profile}/chromium`, ...proxy.split(" "), "about:blank",
], { env: { ...process.env, HOME: profile }, stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
const [, , stderr, orders, reports] = chromium.stdio;

let errors = "";
stderr.on("data", (piece) => errors += piece);

async function main() {
  const waiting = new Map(), said = [];
  let count = 0;
  const hear = (message) => {
    const { id, method, params, result, error } = JSON.parse(message);
    if (id) waiting.get(id)(error ? Promise.reject(new Error(error.message)) : result);
    if (method === "Runtime.exceptionThrown") said.push(params.exceptionDetails.text);
    if (method === "Log.entryAdded" && params.entry.level === "error") said.push(params.entry.text + " " + params.entry.url);
  };
  let heard = "";
  reports.setEncoding("utf8").on("data", (piece) => {
    const messages = (heard + piece).split("\0");
    heard = messages.pop();
    messages.forEach(hear);
  });
  const ask = (method, params = {}, sessionId) => new Promise((done) => {
    waiting.set(++count, done);
    orders.write(JSON.stringify({ id: count, method, params, sessionId }) + "\0");
  });
  const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
  for (const domain of ["Page", "Runtime", "Log"]) await ask(domain + ".enable", {}, sessionId);
  const { errorText } = await ask("Page.navigate", { url }, sessionId);
  if (errorText) said.push(errorText);
  // A page that is on its way to the next one is asked again: its context may end before it has answered.
  const look = async (expression) => {
    try {
      const { result } = await ask("Runtime.evaluate", { expression, returnByValue: true }, sessionId);
      return result.value;
    } catch (error) {
      said.push(...(/navigated|context/.test(error.message) ? [] : [error.message]));
    }
  };
  for (let tries = 0; tries < 400; tries++) {
    if (await look("document.title") === "done") break;
    await new Promise((later) => setTimeout(later, 100));
  }
  console.log(JSON.stringify({ title: await look("document.title"), told: await look("window.told"), errors: said }));
  const ended = new Promise((done) => chromium.on("exit", done));
  await ask("Browser.close");
  await ended;
  process.exit(0);
}

main().catch((error) => {
  console.error(String(error), errors);
  process.exit(1);
});
