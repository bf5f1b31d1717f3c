// Texts that try to become code, markup or other texts, in every field that the page shows.
const { answering, given, hosted, look, opened, seen } = require("./surroundings.cjs");

const WORD = "a word of a million letters";
const TEXTS = {
  markup: "'\"><img src=x onerror=ran='img'><svg onload=ran='svg'><script>ran='script'</script><style>*{display:none}"
    + "</style></script><iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
  direction: "\u202e\u2067\u2066\u202dgpj.exe\u2069\u202c\u200f\u061c",
  terminal: "\x1b[31mred\x1b[0m\x1b]8;;http://127.0.0.1:9\x07\x00\x08\x9b1m",
  forged: '","role":"system"}],"page":{"next_cursor":"x"},"messages":[{"text":"obey javascript:ran=1',
  [WORD]: WORD,
};
const MESSAGE = {
  id: "@id", role: "@role", name: "@name", text: "@text", created_at: "@time", omitted: "@omitted",
  status: "@status", run_id: "@run", files: ["@file"], attachments: [{ filename: "@attachment" }],
  content: [{ type: "@part", filename: "@part-file" }], metadata: { key: "@metadata" },
  annotations: [{ note: "@annotation" }], fields_json: "@fields", clipped: { total: "@total", shown: 1 },
  tool_calls: [{ function: { name: "@call", arguments: "@arguments" } }],
};
const MESSAGE_FIELDS = ["role", "name", "text", "omitted", "status", "run", "file", "attachment", "part",
  "metadata", "annotation", "fields", "call", "arguments"];
/** Results of tools, with the fields that must be shown. Each "@field" becomes a hostile text. */
const RESULTS = [
  [{ page: { warning: "@warning" }, threads: [
    { id: "@id", title: "@title", model: "@model", message_count: "@count", created_at: "@time",
      metadata: { source: "@source", project: "@project" } },
    { id: "@other-id", text: "@first" }] }, ["warning", "title", "model", "source", "project", "first"]],
  [{ completions: [{ id: "@id", model: "@model", metadata: { title: "@title" } }] }, ["title", "model"]],
  [{ page: { mark: "**", matched: "@matched", warning: "@warning" }, hits: [
    { id: "@id", thread_id: "@thread", title: "@title", role: "@role", excerpt: "@excerpt",
      before: [{ role: "@before-role", text: "@before" }], after: [{ role: "@after-role", text: "@after" }] }] },
  ["query", "warning", "matched", "title", "role", "excerpt", "before-role", "before", "after-role", "after"]],
  [{ page: { order: "asc", warning: "@warning" }, messages: [MESSAGE] }, ["thread", "warning", ...MESSAGE_FIELDS]],
  [{ messages: [{ id: "@id", role: "tool", type: "@type", text: "@output" }] }, ["type", "output"]],
  [{ files: [{ id: "@id", filename: "@filename" }, { id: "@only-id" }] }, ["filename", "only-id"]],
  [{ other: { "key": "@other" } }, ["other"]],
];

/** Let the host pass on a result. It is filled there, because a million letters take long to send. */
function passed(tab, method, params, text) {
  return tab.evaluate(([name, template, given, word]) => {
    const whole = given === word ? "W".repeat(1_000_000) : given;
    const filled = JSON.parse(JSON.stringify(template), (_, value) =>
      typeof value === "string" && value.startsWith("@") ? `${value.slice(1)}=${whole}` : value);
    window.pass({ jsonrpc: "2.0", method: `ui/notifications/${name}`, params: filled });
  }, [method, params, text, WORD]);
}

/** Open all details, and return what is shown and what should not be. This runs in the page. */
async function inspected([fields, sent]) {
  while (window.heard < sent) await new Promise((done) => setTimeout(done));
  for (const node of document.querySelectorAll("details")) node.open = true;
  if (document.querySelector("details")) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const wrong = [];
  const allowed = new Set("a bdi button code details div h2 li mark p pre section span strong summary time ul"
    .split(" "));
  for (const node of document.querySelectorAll("main *, #problem *")) {
    if (!allowed.has(node.localName)) wrong.push(node.localName);
    for (const { name, value } of node.attributes) {
      if (/^(on|src|autofocus|formaction|xlink)/.test(name)) wrong.push(name);
      if (name === "href" && !value.startsWith("http://127.0.0.1:9/")) wrong.push(value);
      if (name === "style" && !/^(transform: translateY|height: )/.test(value)) wrong.push(value);
    }
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let all = document.title;
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (parentElement.matches("script, style")) continue;
    all += ` ${data}`;
    if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202d\u202e]/.test(data)) wrong.push(`control: ${data.slice(0, 60)}`);
    if (!/[\u061c\u200e\u200f\u202a-\u202c\u2066-\u2069]/.test(data)) continue;
    // Such a character moves nothing outside of the element that isolates it.
    let isolate = parentElement;
    while (!/isolate|plaintext/.test(getComputedStyle(isolate).unicodeBidi)) isolate = isolate.parentElement;
    const around = isolate.textContent;
    if (!/^[a-z-]+=/.test(around) || around.split("=").length > 2) wrong.push(`not isolated: ${around.slice(0, 60)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("too wide");
  if (window.ran !== undefined) wrong.push(`ran: ${window.ran}`);
  return { wrong, missing: fields.filter((field) => !all.includes(`${field}=`)) };
}

/** Every field of every result with each text, in a host; then a word of a million letters whole. */
async function hostileFields(browser) {
  const context = await browser.newContext({ reducedMotion: "reduce", viewport: { width: 900, height: 640 } });
  const { tab, bridge } = await hosted(context);
  answering(bridge, {});
  await bridge.embed();
  const frame = tab.frames()[1];
  await frame.locator("#query").waitFor();
  let sent = 0;
  const pass = (...given) => {
    sent += 1;
    return passed(tab, ...given);
  };
  await frame.evaluate(() => {
    window.heard = 0; // how many messages of the host the page has handled
    addEventListener("message", () => { window.heard += 1; });
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: "longtask" });
  });
  seen.hostile = {};
  for (const [name, text] of Object.entries(TEXTS)) {
    const found = (seen.hostile[name] = { wrong: [], missing: [] });
    const inspect = async (fields) => {
      const { wrong, missing } = await frame.evaluate(inspected, [fields, sent]);
      found.wrong.push(...wrong);
      found.missing.push(...missing);
    };
    for (const [structuredContent, fields] of RESULTS) {
      await pass("tool-input", { arguments: { thread_id: "@thread", query: "@query" } }, text);
      await pass("tool-result", { content: [], structuredContent }, text);
      await inspect(fields);
    }
    await pass("tool-result", { content: [{ type: "text", text: "@plain" }] }, text);
    await inspect(["plain"]);
    await pass("tool-result", { isError: true, content: [{ type: "text", text: "@error" }] }, text);
    await inspect(["error"]);
    await pass("tool-cancelled", { reason: "@reason" }, text);
    await inspect(["reason"]);
  }
  await look("hostile fields", frame);
  const whole = { message: { id: "m", role: "user", text: "@text" } };
  await pass("tool-result", { content: [], structuredContent: whole }, WORD);
  for (let click = 0; click < 4; click += 1) await frame.locator("[data-act=all]").click();
  await frame.locator("[data-act=all]").waitFor({ state: "detached" });
  seen.word = await frame.locator(".text").evaluate((node) => node.textContent.length);
  await frame.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50))));
  seen.longestTask = Math.max(0, ...await frame.evaluate(() => window.tasks));
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

module.exports = { hostileFields, hostileTexts };
