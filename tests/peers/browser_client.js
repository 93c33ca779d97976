// Chromium without a window, led by its DevTools protocol: loads a page and tells what the page found out.
const { spawn } = require("child_process");
const WebSocket = require("ws");

const [profile, proxy, url] = process.argv.slice(2);
const chromium = spawn("/usr/bin/chromium-headless-shell", [
  "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
  `--user-data-dir=${profile}/chromium`, ...proxy.split(" "), "about:blank",
], { env: { ...process.env, HOME: profile }, stdio: ["ignore", "ignore", "pipe"] });
process.on("exit", () => chromium.kill("SIGKILL"));

let errors = "";
const address = new Promise((found) => chromium.stderr.on("data", (piece) => {
  errors += piece;
  const line = /ws:\/\/\S+/.exec(errors);
  if (line) found(line[0]);
}));

async function main() {
  const devtools = new WebSocket(await address);
  await new Promise((open) => devtools.on("open", open));
  const waiting = new Map(), said = [];
  let count = 0;
  devtools.on("message", (message) => {
    const { id, method, params, result, error } = JSON.parse(message);
    if (id) waiting.get(id)(error ? Promise.reject(new Error(error.message)) : result);
    if (method === "Runtime.exceptionThrown") said.push(params.exceptionDetails.text);
    if (method === "Log.entryAdded" && params.entry.level === "error") said.push(params.entry.text + " " + params.entry.url);
  });
  const ask = (method, params = {}, sessionId) => new Promise((done) => {
    waiting.set(++count, done);
    devtools.send(JSON.stringify({ id: count, method, params, sessionId }));
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
  process.exit(0);
}

main().catch((error) => {
  console.error(String(error), errors);
  process.exit(1);
});
