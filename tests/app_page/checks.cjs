// Drives the page in a browser. On stdin what surroundings.cjs says. On stdout what was seen, as JSON.
const { start } = require("../clients/node/browser.cjs");
const { hostileFields, hostileTexts } = require("./hostile.cjs");
const { walkApp, walkStandalone } = require("./keyboard.cjs");
const { answering, callTool, given, hosted, look, opened, seen, standalone } = require("./surroundings.cjs");

const MANY = 10_000;

// ---- what is checked ----------------------------------------------------------------------------

async function inBrowser(browser, origin, state) {
  const context = await browser.newContext({ colorScheme: "light", viewport: { width: 1000, height: 700 } });
  const tab = await opened(context);
  await tab.goto(`${origin}/#code-1`);
  await tab.locator(".card").first().waitFor();
  seen.address = tab.url();
  seen.threads = await tab.locator(".card .name").allTextContents();

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
  await tab.locator(".card").first().click();
  await tab.locator(".sought").waitFor();
  seen.sought = await tab.locator(".sought .text").textContent();
  await tab.keyboard.press("Escape");
  await tab.locator("mark").first().waitFor();
  await tab.goBack();
  await tab.locator("[role=article]").first().waitFor();

  // An error, tried again.
  state.failing = 1;
  await tab.locator("#threads").click();
  await tab.locator("#problem button").first().waitFor();
  seen.error = await tab.locator("#problem span").textContent();
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
  seen.link = (await asked.until(({ method }) => method === "ui/open-link")).params;
  await bridge.send({ jsonrpc: "2.0", id: 0, method: "ui/resource-teardown", params: {} });
  seen.teardown = await asked.until(({ id, result }) => id === 0 && result);
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
  const scroll = (selector, steps) => frame.evaluate(async ([chosen, times]) => {
    const node = document.querySelector(chosen);
    const frames = [];
    let before = performance.now();
    for (let step = 0; step < times; step += 1) {
      if (node) node.scrollTop += 250;
      await new Promise(requestAnimationFrame);
      const at = performance.now();
      frames.push(at - before);
      before = at;
    }
    frames.sort((a, b) => a - b);
    return { median: frames[times / 2] };
  }, [selector, steps]);
  seen.idleFrames = await scroll("#nothing", 30);
  seen.frames = await scroll(".scroller", 120);
  seen.drawn = await app.locator("[role=article]").count();
  await frame.evaluate(() => { const node = document.querySelector(".scroller"); node.scrollTop = node.scrollHeight; });
  await app.getByText(`${MANY - 1}:`).waitFor();
  seen.last = await app.locator("[role=article]").last().getAttribute("aria-posinset");
  await context.close();
}

async function main() {
  const { server, state, origin } = await standalone();
  const browser = await start();
  try {
    const timed = async (name, part) => {
      const began = Date.now();
      await part;
      (seen.ms ??= {})[name] = Date.now() - began;
    };
    const walking = await standalone();
    await Promise.all([
      timed("texts", hostileTexts(browser, origin).then(() => inBrowser(browser, origin, state))),
      timed("hosts", inHost(browser).then(() => inBridge(browser))),
      timed("standalone", walkStandalone(browser, walking)),
      timed("app", walkApp(browser)),
      timed("hostile", hostileFields(browser)),
    ]);
    walking.server.close();
    await timed("scrolling", longList(browser)); // alone, because it measures
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
