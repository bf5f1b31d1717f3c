// Drives the page in a browser. On stdin `{page, mcp, thread, hostile}` as JSON: the page's file, the
// URL of a server with tools, and the ids of a thread and of one with hostile texts. On stdout what
// was seen, as JSON.
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const { start } = require("../clients/node/browser.cjs");

const given = JSON.parse(fs.readFileSync(0, "utf8"));
const html = fs.readFileSync(given.page, "utf8").replace("__VERSION__", "1.2.3");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const MANY = 10_000;
const seen = { violations: {}, console: [], outside: [] };

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

// ---- the two surroundings of the page -----------------------------------------------------------

const hash = (tag) => {
  const body = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)[1];
  return `'sha256-${crypto.createHash("sha256").update(body).digest("base64")}'`;
};

/** What `backscroll view` serves: the page, one session, and calls of tools. */
function standalone() {
  const used = new Set();
  const state = { failing: 0, empty: false };
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
    if (state.failing) {
      state.failing -= 1;
      const text = "upstream_unreachable: <b>The upstream</b> did not answer.";
      return answer(200, { jsonrpc: "2.0", id, result: { isError: true, content: [{ type: "text", text }] } });
    }
    if (state.empty) {
      const structuredContent = { page: { returned: 0, has_more: false, next_cursor: null }, threads: [] };
      return answer(200, { jsonrpc: "2.0", id, result: { content: [], structuredContent } });
    }
    return answer(200, { jsonrpc: "2.0", id, result: await callTool(params) });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve({ server, state })));
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

/** A host of 30 lines. Returns the requests that the App made. */
function answering(bridge, { theme, input, result }) {
  const asked = [];
  bridge.onmessage = async (message) => {
    asked.push(message);
    const reply = (answer) => bridge.send({ jsonrpc: "2.0", id: message.id, result: answer });
    if (message.method === "ui/initialize") {
      await reply({
        protocolVersion: "2026-01-26", hostInfo: { name: "test", version: "0" },
        hostCapabilities: { serverTools: {}, openLinks: {} },
        hostContext: { theme, locale: "en-GB", timeZone: "Asia/Tokyo",
          styles: { variables: { "--font-sans": "DejaVu Sans", "--bad": "red;} body{display:none" } } },
      });
    } else if (message.method === "ui/notifications/initialized") {
      if (input) await bridge.send({ jsonrpc: "2.0", method: "ui/notifications/tool-input", params: { arguments: input } });
      if (result) await bridge.send({ jsonrpc: "2.0", method: "ui/notifications/tool-result", params: result });
    } else if (message.method === "tools/call") await reply(await callTool(message.params));
    else if (message.id !== undefined && message.method) await reply({});
  };
  return asked;
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
async function look(name, frame) {
  await frame.evaluate(axe);
  const { violations } = await frame.evaluate((tags) => axe.run(document, {
    runOnly: { type: "tag", values: tags }, resultTypes: ["violations"],
  }), TAGS);
  seen.violations[name] = violations.map((each) =>
    `${each.id}: ${each.nodes.slice(0, 2).map((node) => node.html.slice(0, 120)).join(" | ")}`);
}

// ---- what is checked ----------------------------------------------------------------------------

async function inBrowser(browser, origin, state) {
  const context = await browser.newContext({ colorScheme: "light", viewport: { width: 1000, height: 700 } });
  const tab = await opened(context);
  await tab.goto(`${origin}/#code-1`);
  await tab.locator(".card").first().waitFor();
  seen.address = tab.url();
  seen.firstPaint = await tab.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  seen.threads = await tab.locator(".card .name").allTextContents();
  await look("conversations, light", tab.mainFrame());

  // A conversation, with the keyboard alone.
  const focus = () => tab.evaluate(() => {
    const { activeElement: node } = document;
    return node.id || node.className || node.textContent.slice(0, 40);
  });
  await tab.keyboard.press("/");
  seen.slash = await focus();
  await tab.keyboard.press("Escape");
  seen.escapeFromSearch = await focus();
  await tab.keyboard.press("j");
  await tab.keyboard.press("ArrowDown");
  await tab.keyboard.press("k");
  const wanted = seen.threads.indexOf("A thread");
  for (let step = 0; step < wanted; step += 1) await tab.keyboard.press("j");
  await tab.keyboard.press("Enter");
  await tab.locator("article, [role=article]").first().waitFor();
  await tab.getByText("message number 139.").waitFor();
  seen.heading = await tab.locator("h2").textContent();
  seen.latest = await tab.locator("[role=article]").last().locator(".text").textContent();
  await look("conversation, light", tab.mainFrame());
  await tab.emulateMedia({ colorScheme: "dark" });
  await look("conversation, dark", tab.mainFrame());

  // Older messages load above, and what was visible stays where it was.
  const places = () => tab.evaluate(() => {
    const top = document.querySelector(".scroller").getBoundingClientRect().top;
    return Object.fromEntries([...document.querySelectorAll("[role=article]")].map((node) =>
      [node.querySelector(".text")?.textContent, Math.round(node.getBoundingClientRect().top - top)]));
  });
  await tab.evaluate(() => { document.querySelector(".scroller").scrollTop = 300; });
  await tab.waitForFunction(() => document.querySelector("#status").textContent.startsWith("140"));
  await tab.waitForTimeout(60);
  seen.setSize = await tab.locator("[role=article]").first().getAttribute("aria-setsize");
  const before = await places();
  await tab.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const after = await places();
  seen.moved = Math.max(...Object.keys(before).filter((key) => key in after)
    .map((key) => Math.abs(before[key] - after[key])));
  await tab.getByRole("button", { name: "First message" }).click();
  await tab.getByText("message number 0.").waitFor();
  seen.first = await tab.locator("[role=article]").first().locator(".text").textContent();
  await tab.keyboard.press("j");
  await tab.keyboard.press("j");
  seen.position = await tab.evaluate(() => document.activeElement.getAttribute("aria-posinset"));

  // A search, and a hit.
  await tab.keyboard.press("/");
  await tab.keyboard.type("quokka");
  await tab.keyboard.press("Enter");
  await tab.locator("mark").first().waitFor();
  seen.marks = await tab.locator("mark").allTextContents();
  await look("hits, dark", tab.mainFrame());
  await tab.emulateMedia({ colorScheme: "light" });
  await look("hits, light", tab.mainFrame());
  await tab.locator(".card").first().click();
  await tab.locator(".sought").waitFor();
  seen.sought = await tab.locator(".sought .text").textContent();
  await tab.keyboard.press("Escape");
  await tab.locator("mark").first().waitFor();
  await tab.goBack();
  await tab.locator("[role=article]").first().waitFor();

  // Every control is reached by the tabulator, and shows that it has the focus.
  await tab.locator("#back").focus();
  await tab.keyboard.press("Shift+Tab");
  const reached = new Set();
  for (let step = 0; step < 40; step += 1) {
    await tab.keyboard.press("Tab");
    const at = await tab.evaluate(() => {
      const { activeElement: node } = document;
      node.dataset.reached = "yes";
      return { name: node === document.body ? "body" : node.id || node.textContent.slice(0, 30), outline: getComputedStyle(node).outlineStyle };
    });
    if (at.outline === "none" && at.name !== "body") reached.add(`no focus shown: ${at.name}`);
  }
  seen.unreached = [...reached, ...await tab.evaluate(() =>
    [...document.querySelectorAll("button, input, select, a, summary")]
      .filter((node) => node.checkVisibility() && !node.dataset.reached).map((node) => node.id || node.textContent))];
  seen.small = await tab.evaluate(() => [...document.querySelectorAll("button, input, select, summary")]
    .filter((node) => node.checkVisibility()).map((node) => [node.textContent, node.getBoundingClientRect()])
    .filter(([, box]) => box.width < 24 || box.height < 24).map(([text]) => text));

  // An error, tried again.
  state.failing = 1;
  await tab.locator("#threads").click();
  await tab.locator("#problem button").first().waitFor();
  seen.error = await tab.locator("#problem span").textContent();
  await look("error, light", tab.mainFrame());
  await tab.getByRole("button", { name: "Retry" }).click();
  await tab.locator(".card").first().waitFor();
  seen.errorLater = await tab.locator("#problem").textContent();
  state.empty = true;
  await tab.locator("#threads").click();
  await tab.locator(".nothing code").first().waitFor();
  seen.empty = await tab.locator(".nothing").textContent();
  state.empty = false;

  const again = await context.newPage(); // the console shows the refusal, so this one is not watched
  await again.goto(`${origin}/#code-1`);
  await again.locator("#problem span").waitFor();
  seen.usedCode = await again.locator("#problem span").textContent();
  await again.close();
  await context.close();
}

async function hostileTexts(browser, origin) {
  const context = await browser.newContext({ colorScheme: "dark", viewport: { width: 1000, height: 700 } });
  const tab = await opened(context);
  await tab.goto(`${origin}/#code-hostile&thread=${given.hostile}`);
  await tab.getByRole("button", { name: "First message" }).click();
  await tab.getByText("call it").waitFor();
  await tab.locator("[role=article] summary").evaluateAll((all) => all.forEach((node) => node.click()));
  await tab.locator("details pre").first().waitFor();
  const elements = () => tab.evaluate(() => [...new Set([...document.querySelectorAll("main *")]
    .map((node) => node.localName))].sort());
  seen.hostileElements = await elements();
  seen.hostileText = (await tab.locator("[role=article] .text, [role=article] pre").allTextContents()).join("\n");
  seen.wide = await tab.evaluate(() => document.documentElement.scrollWidth > window.innerWidth
    || [...document.querySelectorAll(".bubble")].some((node) => node.scrollWidth > node.clientWidth + 1));
  await look("hostile conversation, dark", tab.mainFrame());
  await tab.keyboard.press("Escape");
  await tab.locator(".card", { hasText: "img" }).first().click();
  await tab.locator("[data-act=all]").waitFor();
  seen.long = await tab.evaluate(() => Math.max(...[...document.querySelectorAll(".text")].map((node) => node.textContent.length)));
  await tab.locator("[data-act=all]").last().click();
  await tab.getByText("Show more of").waitFor();
  seen.folded = await tab.locator("[data-act=all]").last().textContent();
  await tab.goBack();
  await tab.locator(".card").first().waitFor();
  seen.hostileTitle = (await tab.locator(".card .name").allTextContents()).find((title) => title.includes("img"));
  seen.listElements = await elements();
  await look("conversations, dark", tab.mainFrame());
  seen.ran = await tab.evaluate(() => window.ran ?? null);
  await context.close();
}

async function inHost(browser) {
  const context = await browser.newContext({ colorScheme: "light", viewport: { width: 900, height: 640 } });
  const { tab, bridge, app } = await hosted(context);
  const input = { thread_id: given.thread, limit: 5 };
  const result = await callTool({ name: "list-messages", arguments: input });
  const asked = answering(bridge, { theme: "dark", input, result });
  await bridge.embed();
  await app.getByText("message number 139.").waitFor();
  const frame = tab.frames()[1];
  seen.hosted = await app.locator("[role=article] .text").allTextContents();
  seen.zone = await app.locator("time").last().textContent();
  seen.scheme = await frame.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await look("App, dark", frame);
  await app.getByRole("button", { name: "Ask about this" }).last().click();
  await app.getByText("The quote was sent").waitFor();
  seen.quoted = asked.find(({ method }) => method === "ui/message").params;
  await app.locator("#query").fill("quokka");
  await app.locator("#go").click();
  await app.locator("mark").first().waitFor();
  seen.hostedMarks = await app.locator("mark").allTextContents();
  await app.locator(".card", { hasText: "smiled, see" }).first().click();
  await app.locator("[role=article] a").click();
  await tab.waitForTimeout(30);
  seen.link = asked.find(({ method }) => method === "ui/open-link")?.params;
  await bridge.send({ jsonrpc: "2.0", id: 0, method: "ui/resource-teardown", params: {} });
  await tab.waitForTimeout(30);
  seen.teardown = asked.find(({ id, result }) => id === 0 && result);
  seen.heights = asked.filter(({ method }) => method === "ui/notifications/size-changed").map(({ params }) => params.height);
  await context.close();
}

/** The AppBridge of ext-apps is the host: it refuses every message that the protocol does not allow. */
async function inBridge(browser) {
  const { AppBridge } = require("@modelcontextprotocol/ext-apps/app-bridge");
  const context = await browser.newContext({ colorScheme: "light", viewport: { width: 900, height: 640 } });
  const { bridge, app } = await hosted(context);
  const transport = { start: async () => {}, close: async () => {}, send: (message) => bridge.send(message) };
  bridge.onmessage = (message) => transport.onmessage(message);
  const host = new AppBridge(null, { name: "test", version: "0" }, { serverTools: {}, openLinks: {} },
    { hostContext: { theme: "light" } });
  const initialized = new Promise((resolve) => { host.oninitialized = resolve; });
  host.oncalltool = (params) => callTool(params);
  host.onsizechange = () => {};
  await host.connect(transport);
  await bridge.embed();
  await initialized;
  await host.sendToolInput({ arguments: {} });
  await host.sendToolResult(await callTool({ name: "list-threads", arguments: {} }));
  await app.locator(".card").first().waitFor();
  seen.bridged = await app.locator(".card .name").allTextContents();
  await app.getByText("A thread", { exact: true }).click();
  await app.getByText("message number 139.").waitFor();
  seen.bridgeInfo = host.getAppVersion();
  await context.close();
}

/** A result of 10,000 messages, scrolled from its start to its end. */
async function longList(browser) {
  const context = await browser.newContext({ viewport: { width: 900, height: 640 } });
  const { tab, bridge, app } = await hosted(context);
  const words = "the quick brown fox jumps over the lazy dog and sleeps until noon ".repeat(12);
  const messages = Array.from({ length: MANY }, (_, at) => ({
    id: `msg_${at}`, role: at % 2 ? "assistant" : "user", created_at: 1_700_000_000 + at,
    text: `${at}: ${words.slice(0, 40 + (at * 97) % 700)}`,
  }));
  const structuredContent = { page: { returned: MANY, has_more: false, next_cursor: null, order: "asc" }, messages };
  answering(bridge, { input: { thread_id: "thread_many" }, result: { content: [], structuredContent } });
  await bridge.embed();
  await app.locator("[role=article]").first().waitFor();
  const frame = tab.frames()[1];
  const scroll = (selector) => frame.evaluate(async (chosen) => {
    const node = document.querySelector(chosen);
    const frames = [];
    let before = performance.now();
    for (let step = 0; step < 120; step += 1) {
      if (node) node.scrollTop += 250;
      await new Promise(requestAnimationFrame);
      const at = performance.now();
      frames.push(at - before);
      before = at;
    }
    frames.sort((a, b) => a - b);
    return { median: frames[60], p95: frames[114], most: frames[119] };
  }, selector);
  seen.idleFrames = await scroll("#nothing");
  seen.frames = await scroll(".scroller");
  seen.drawn = await app.locator("[role=article]").count();
  await frame.evaluate(() => { const node = document.querySelector(".scroller"); node.scrollTop = node.scrollHeight; });
  await app.getByText(`${MANY - 1}:`).waitFor();
  seen.last = await app.locator("[role=article]").last().getAttribute("aria-posinset");
  await context.close();
}

async function main() {
  const { server, state } = await standalone();
  const origin = `http://127.0.0.1:${server.address().port}`;
  const browser = await start();
  try {
    for (const part of [() => inBrowser(browser, origin, state), () => hostileTexts(browser, origin),
      () => inHost(browser), () => inBridge(browser), () => longList(browser)]) {
      const began = Date.now();
      await part();
      (seen.ms ??= []).push(Date.now() - began);
    }
  } finally {
    await browser.close();
    server.close();
  }
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error, JSON.stringify(seen, null, 1).slice(0, 6000));
  process.exit(1);
});
