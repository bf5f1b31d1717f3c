// The two surroundings of the page, in a browser: what `backscroll view` serves, and a host with the
// page as an App. On stdin `{page, mcp, thread, hostile}` as JSON: the page's file, the URL
// of a server with tools, and the ids of a thread and of one with hostile texts.
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");

const given = JSON.parse(fs.readFileSync(0, "utf8"));
const html = fs.readFileSync(given.page, "utf8").replace("__VERSION__", "1.2.3");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const seen = { violations: {}, rules: [], console: [], outside: [] };

/** Call a tool of the real server. */
async function callTool({ name, arguments: args }) {
  const envelope = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "0" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const reply = await fetch(given.mcp, {
    method: "POST",
    headers: {
      accept: "application/json, text/event-stream", "content-type": "application/json",
      "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name,
    },
    body: JSON.stringify({
      jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args, _meta: envelope },
    }),
  });
  const text = await reply.text();
  return JSON.parse(text.startsWith("{") ? text : /^data: (\{.*)$/m.exec(text)[1]).result;
}

/** Return the result of a call of the page: an error, an empty list, or what the real server says. */
async function resultOf(params, state) {
  state.calls.push(params);
  if (state.failing) {
    state.failing -= 1;
    const text = "upstream_unreachable: <b>The upstream</b> did not answer.";
    return { isError: true, content: [{ type: "text", text }] };
  }
  if (state.empty) {
    const structuredContent = { page: { returned: 0, has_more: false, next_cursor: null }, threads: [] };
    return { content: [], structuredContent };
  }
  return callTool(params);
}

const hash = (tag) => {
  const body = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)[1];
  return `'sha256-${crypto.createHash("sha256").update(body).digest("base64")}'`;
};

/** What `backscroll view` serves: the page, one session, and calls of tools. */
function standalone() {
  const used = new Set();
  const state = { failing: 0, empty: false, calls: [] };
  const server = http.createServer(async (request, response) => {
    const answer = (status, body) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (request.method === "GET" && request.url === "/") {
      response.writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
          + `script-src ${hash("script")}; style-src ${hash("style")}; connect-src 'self'`,
      });
      return response.end(html);
    }
    if (request.method !== "POST") return response.writeHead(204).end();
    let body = "";
    for await (const part of request) body += part;
    const { code, id, params } = JSON.parse(body);
    if (request.url === "/session") {
      if (used.has(code) || !code.startsWith("code")) return answer(403, {});
      used.add(code);
      return answer(200, { secret: "the-secret" });
    }
    if (request.headers.authorization !== "Bearer the-secret") return answer(401, {});
    return answer(200, { jsonrpc: "2.0", id, result: await resultOf(params, state) });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () =>
    resolve({ server, state, origin: `http://127.0.0.1:${server.address().port}` })));
}

/** A page of a host, with the App in a sandbox; it passes messages on to this process. */
const HOST = `<!doctype html><title>Host</title><iframe sandbox="allow-scripts" title="App"
  style="width:880px;height:600px;border:0"></iframe><script>
  const frame = document.querySelector("iframe");
  addEventListener("message", (event) => {
    if (event.source === frame.contentWindow) received(event.data);
  });
  window.pass = (message) => frame.contentWindow.postMessage(message, "*");
  window.embed = (text) => { frame.srcdoc = text; };
</script>`;

async function hosted(context) {
  const tab = await opened(context);
  const bridge = { onmessage: () => {} };
  await tab.exposeFunction("received", (message) => bridge.onmessage(message));
  await tab.route("http://host.test/", (route) => route.fulfill({
    contentType: "text/html",
    headers: {
      "content-security-policy":
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-src 'self'",
    },
    body: HOST,
  }));
  await tab.goto("http://host.test/");
  bridge.send = (message) => tab.evaluate((passed) => window.pass(passed), message);
  bridge.embed = () => tab.evaluate((text) => window.embed(text), html);
  return { tab, bridge, app: tab.frameLocator("iframe") };
}

/** A host of 40 lines. Returns the messages of the App, and `until`, which waits for one. */
function answering(bridge, { theme, input, result, state = { calls: [] } }) {
  const asked = [];
  const waiting = [];
  asked.until = (isWanted) => new Promise((resolve) => {
    const come = asked.find(isWanted);
    if (come) resolve(come);
    else waiting.push({ isWanted, resolve });
  });
  bridge.onmessage = async (message) => {
    asked.push(message);
    for (const { isWanted, resolve } of waiting) if (isWanted(message)) resolve(message);
    const reply = (answer) => bridge.send({ jsonrpc: "2.0", id: message.id, result: answer });
    if (message.method === "ui/initialize") {
      await reply({
        protocolVersion: "2026-01-26", hostInfo: { name: "test", version: "0" },
        hostCapabilities: { serverTools: {}, openLinks: {} },
        hostContext: { theme, locale: "en-GB", timeZone: "Asia/Tokyo",
          styles: { variables: { "--font-sans": "DejaVu Sans", "--bad": "red;} body{display:none" } } },
      });
    } else if (message.method === "ui/notifications/initialized") {
      if (result) await resultSent(bridge, result, input);
    } else if (message.method === "tools/call") await reply(await resultOf(message.params, state));
    else if (message.id !== undefined && message.method) await reply({});
  };
  return asked;
}

/** Let a host pass on the result of another call. */
async function resultSent(bridge, params, input = {}) {
  const send = (name, passed) =>
    bridge.send({ jsonrpc: "2.0", method: `ui/notifications/${name}`, params: passed });
  await send("tool-input", { arguments: input });
  await send("tool-result", params);
}

async function opened(context) {
  const tab = await context.newPage();
  tab.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) seen.console.push(message.text());
  });
  tab.on("pageerror", (error) => seen.console.push(String(error)));
  tab.on("dialog", (dialog) => { seen.console.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  tab.on("request", (request) => {
    if (!/^http:\/\/(127\.0\.0\.1|host\.test)[:/]/.test(request.url())) seen.outside.push(request.url());
  });
  return tab;
}

/** Let axe look at a frame. The content security policy does not bind what the debugger evaluates. */
async function look(name, frame, runOnly = { type: "tag", values: TAGS }) {
  if (!await frame.evaluate(() => "axe" in window)) await frame.evaluate(axe);
  const { violations, passes } = await frame.evaluate((only) => axe.run(document, {
    runOnly: only, resultTypes: ["violations"],
  }), runOnly);
  seen.violations[name] = violations.map((each) =>
    `${each.id}: ${each.nodes.slice(0, 2).map((node) => node.html.slice(0, 120)).join(" | ")}`);
  seen.rules = [...new Set([...seen.rules, ...passes.map(({ id }) => id)])];
}

/** Let axe look at a frame in both colour schemes, of which only the contrast differs. */
async function lookTwice(name, frame, tab) {
  await look(name, frame);
  await tab.emulateMedia({ colorScheme: "dark" });
  await look(`${name}, dark`, frame, { type: "rule", values: ["color-contrast"] });
  await tab.emulateMedia({ colorScheme: "light" });
}

module.exports = {
  answering, callTool, given, hosted, look, lookTwice, opened, resultSent, seen, standalone,
};
