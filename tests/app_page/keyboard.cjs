// Walks through every view by keyboard alone, standalone and in a host, and says where the focus was.
const {
  answering, callTool, given, hosted, look, lookTwice, opened, resultSent, seen,
} = require("./surroundings.cjs");

const WAIT_MS = 10_000;
const MOST_STOPS = 60;

/** Add what the walk asks of the page. This runs in the page. */
function watch() {
  const text = (from) => from.textContent.trim().slice(0, 50);
  const nameOf = (node) => (node.role === "article" ? `message ${node.getAttribute("aria-posinset")}`
    : node.matches(".card") ? `card ${text(node.querySelector(".name, .text"))}`
      : node.matches("h2") ? `heading ${text(node)}`
        : node.matches(".scroller") ? `list ${node.getAttribute("aria-label")}`
          : node.id || text(node));
  // Items are drawn anew when they come back into view, so a stop is not an element.
  const stopOf = (node) => `${nameOf(node)} in ${node.closest(".item")?.item.index}`;
  window.controls = (selector = "button, input, select, a[href], summary, [tabindex='0']") =>
    [...document.querySelectorAll(selector)].filter((node) => node.checkVisibility());

  window.stops = new Set();
  /** Return what has the focus, and why a person could not see that. */
  window.focused = () => {
    const { activeElement: node } = document;
    if (node === document.body) return { name: "", stop: "", wrong: "" };
    const stop = stopOf(node);
    window.stops.add(stop);
    const style = getComputedStyle(node);
    const clip = node.parentElement.closest(".scroller")?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight };
    const box = node.getClientRects()[0];
    const top = Math.max(box.top, clip.top);
    const bottom = Math.min(box.bottom, clip.bottom);
    const above = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), (top + bottom) / 2);
    let wrong = "";
    if (style.outlineStyle !== "solid" || parseFloat(style.outlineWidth) < 2) wrong = "no outline";
    else if (bottom - top < Math.min(box.height, 24) - 1) wrong = `out of sight: ${box.top} to ${box.bottom}`;
    else if (!node.contains(above)) wrong = "covered";
    return { name: nameOf(node), stop, wrong };
  };
  // What has the focus is noted before a key moves it on: it is scrolled into view by then.
  window.walked = [];
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Tab") window.walked.push(window.focused());
  }, true);
  /** Return visible controls that were no stop of a walk. */
  window.unreached = () => window.controls().map(stopOf).filter((stop) => !window.stops.has(stop));
  /** Return visible controls that are smaller than 24 by 24 pixels. */
  window.small = () => window.controls("button, input, select, summary").filter((node) => {
    const { width, height } = node.getBoundingClientRect();
    return width < 24 || height < 24;
  }).map(nameOf);
}

/** A person with a keyboard in one surrounding of the page. */
class Person {
  constructor(tab, frame, notes) {
    Object.assign(this, { tab, frame, notes });
    Object.assign(notes, { focus: {}, hidden: [], unreached: {}, order: {}, small: [] });
  }

  async press(...keys) {
    for (const key of keys) await this.tab.keyboard.press(key);
  }

  async at(what) {
    const at = await this.frame.evaluate(() => window.focused());
    if (at.wrong) this.notes.hidden.push(`${what}: ${at.stop} ${at.wrong}`);
    return at;
  }

  /** Press a key until the focus is on what has a name, or begins with it. */
  async go(name, key = "Tab") {
    const passed = [];
    for (let step = 0; step < MOST_STOPS; step += 1) {
      await this.press(key);
      const at = await this.at(`on the way to ${name}`);
      if (at.name.startsWith(name)) return;
      passed.push(at.name);
    }
    throw new Error(`${name} was not reached with ${key}, only ${passed.join(", ")}`);
  }

  async shown(selector) {
    await this.frame.locator(selector).first().waitFor({ timeout: WAIT_MS });
  }

  /** Wait until the list was drawn again after it was scrolled. */
  async settled() {
    await this.frame.evaluate(() => new Promise((done) =>
      requestAnimationFrame(() => requestAnimationFrame(done))));
  }

  /** Wait until the browser has scrolled to the end, which it does in steps, and has stopped. */
  async scrolledToEnd() {
    await this.frame.evaluate(() => new Promise((done) => {
      const node = document.querySelector(".scroller");
      let [before, still] = [-1, 0];
      const step = () => {
        const isAtEnd = node.scrollTop + node.clientHeight > node.scrollHeight - 2;
        still = isAtEnd && node.scrollTop === before ? still + 1 : 0;
        before = node.scrollTop;
        if (still < 15) requestAnimationFrame(step);
        else done();
      };
      step();
    }));
  }

  /**
   * Note where the focus is after something, at the latest when it is where it should be: on what
   * has the expected name, or begins with it. "message 135" does not begin with "message 1".
   */
  async note(what, expected) {
    await this.frame.waitForFunction((wanted) => {
      const { name } = window.focused();
      return name.startsWith(wanted) && !/^\d/.test(name.slice(wanted.length));
    }, expected, { timeout: WAIT_MS }).catch(() => {});
    this.notes.focus[what] = (await this.at(what)).name;
  }

  /** Walk once around the page forwards, and in a browser's own page also backwards. */
  async sweep(view) {
    await this.frame.evaluate(() => window.stops.clear());
    const forwards = await this.around(view, "Tab");
    this.notes.unreached[view] = await this.frame.evaluate(() => window.unreached());
    this.notes.small.push(...await this.frame.evaluate(() => window.small()));
    if (this.notes.where === "App") return;
    const backwards = await this.around(view, "Shift+Tab");
    // Both walks begin at some stop, so the walk back is compared after turning it.
    const turned = backwards.reverse();
    const start = turned.indexOf(forwards[0]);
    this.notes.order[view] = String([...turned.slice(start), ...turned.slice(0, start)]) === String(forwards);
  }

  async around(view, key) {
    await this.press(key);
    // The page is asked once, after as many keys as it has controls. It notes what had the focus.
    let keys = 2 + await this.frame.evaluate(() => {
      window.walked = [];
      return window.controls().length;
    });
    for (let pressed = 0; pressed < MOST_STOPS; pressed += keys, keys = 4) {
      await Promise.all(Array.from({ length: keys }, () => this.press(key)));
      const walked = (await this.frame.evaluate(() => window.walked)).filter(({ name }) => name);
      const stops = walked.map(({ stop }) => stop);
      const end = stops.indexOf(stops[0], 1);
      if (end < 0) continue;
      this.notes.hidden.push(...walked.filter(({ wrong }) => wrong)
        .map(({ stop, wrong }) => `${view}, ${key}: ${stop} ${wrong}`));
      if (!(await this.at(view)).name) await this.press(key); // it ended outside of the page
      return stops.slice(0, end);
    }
    throw new Error(`${view}: ${key} did not return to where it began`);
  }
}

/** The part of the walk that is the same in both surroundings. The list of conversations is shown. */
async function walk(person, state) {
  const { notes, tab, frame } = person;
  // In a host, the same views have the same elements.
  const check = async (view, { dark = false } = {}) => {
    if (notes.where !== "standalone") return;
    await (dark ? lookTwice(view, frame, tab) : look(view, frame));
  };
  await person.shown(".card");
  await frame.evaluate(watch);
  await person.press("Tab");
  await person.sweep("conversations");
  await check("conversations");

  await person.go("card Controls");
  await person.press("Enter");
  await person.shown("[role=article]");
  await person.note("a conversation was opened", "heading Controls");
  await person.press("Escape");
  await person.note("Escape left the conversation", "card Controls");
  await person.press("Enter");
  await person.shown("[role=article]");
  await person.go("back", "Shift+Tab");
  await person.press("Enter");
  await person.note("Back left the conversation", "card Controls");

  await person.press("Enter");
  await person.shown("[role=article]");
  await person.press("Tab");
  await person.sweep("conversation");
  await check("conversation", { dark: true });
  await person.go("Show all");
  await person.press("Enter");
  await person.note("a long message was shown whole", "message 2");
  notes.whole = await frame.locator(".text").nth(1).evaluate((node) => node.textContent.length);
  await person.sweep("message in whole");
  await check("message in whole");
  await person.go("Show less");
  await person.press("Enter");
  await person.note("the long message was folded", "message 2");
  notes.folded = await frame.locator(".text").nth(1).evaluate((node) => node.textContent.length);
  await person.press("Enter");
  await person.note("Enter showed the message whole", "message 2");
  notes.again = await frame.locator(".text").nth(1).evaluate((node) => node.textContent.length);
  await person.go("The call");
  await person.press("Enter");
  await person.note("details were opened", "The call");
  notes.details = await frame.locator("details[open] pre").first().textContent();
  await person.go("https://example.com/", "Shift+Tab");
  await person.press("Enter");
  await person.note("a link was opened", "https://example.com/");

  await person.go("List of files");
  await person.press("Enter");
  await person.shown("div.card");
  await person.note("files were opened", "heading Files of a message");
  notes.files = await frame.locator("div.card .name").allTextContents();
  await person.sweep("files");
  await check("files");
  await person.go("list Files");
  await person.press("Escape");
  await person.note("Escape left the files", "message 5");

  await person.go("Latest message", "Shift+Tab");
  await person.press("Enter");
  await person.shown("[role=article]");
  await person.note("the latest messages were shown", "Latest message");
  await person.go("First message", "Shift+Tab");
  await person.press("Enter");
  await person.shown("[role=article]");
  await person.note("the first messages were shown", "First message");
  await person.press("j", "ArrowDown");
  await person.note("j and the arrow moved down", "message 2");
  await person.press("k");
  await person.note("k moved up", "message 1");

  await person.go("only", "Shift+Tab");
  await person.press("Space");
  await person.go("order", "Shift+Tab");
  await person.press("ArrowDown");
  await person.go("query", "Shift+Tab");
  await tab.keyboard.type("controls");
  await person.press("Enter");
  await person.shown("mark");
  await person.note("a search was made", "heading Search: controls");
  notes.search = state.calls.at(-1);
  await person.press("Tab");
  await person.sweep("hits");
  await check("hits", { dark: true });
  await person.go("card See the controls");
  await person.press("Enter");
  await person.shown(".sought");
  await person.note("a hit was opened", "message 1");
  await person.press("Escape");
  await person.note("Escape left the hit", "card See the controls");
  await person.press("/");
  await person.note("the slash was pressed", "query");
  await person.press("Escape");
  notes.query = await frame.locator("#query").inputValue();
  await person.press("Escape");
  await person.note("Escape left the search field", "card See the controls");
  await person.press("/");
  await tab.keyboard.type("controls");
  await person.go("go");
  await person.press("Enter");
  await person.shown("mark");
  await person.note("the button searched", "heading Search: controls");

  state.failing = 2;
  await person.go("threads", "Shift+Tab");
  await person.press("Enter");
  await person.shown("#problem button");
  await person.note("a call failed", "heading Conversations");
  await person.press("Tab");
  await person.sweep("error");
  await check("error", { dark: true });
  await person.go("Dismiss");
  await person.press("Enter");
  await person.note("the error was dismissed", "list Conversations");
  await person.go("threads", "Shift+Tab");
  await person.press("Enter");
  await person.shown("#problem button");
  await person.go("Retry");
  await person.press("Enter");
  await person.shown(".card");
  await person.note("the call was tried again", "list Conversations");
  state.empty = true;
  await person.go("threads", "Shift+Tab");
  await person.press("Enter");
  await person.shown(".nothing code");
  await person.note("nothing was found", "heading Conversations");
  await person.press("Tab");
  await person.sweep("empty list");
  await check("empty list");
  state.empty = false;

  await person.go("completions", "Shift+Tab");
  await person.press("Enter");
  await person.shown(".card");
  await person.note("stored chats were listed", "heading Stored chats");
  await person.press("Tab");
  await person.sweep("stored chats");
  await check("stored chats");
  await person.go("card Which fruit");
  await person.press("Enter");
  await person.shown("[role=article]");
  await person.note("a stored chat was opened", "heading Which fruit");
  await person.press("Tab");
  await person.sweep("stored chat");
  await check("stored chat");
  await person.go("list Messages");
  await person.press("Escape");
  await person.note("Escape left the stored chat", "card Which fruit");

  await person.go("threads", "Shift+Tab");
  await person.press("Enter");
  await person.shown(".card");
  await person.go("card A thread");
  await person.press("Enter");
  await person.shown("[role=article]");
  await person.go("list Messages");
  await person.press("Tab"); // reaches the button at the top, and so loads what is above
  await person.note("earlier messages were loaded", "message 40");
  await person.press("ArrowUp");
  await person.note("the arrow moved up", "message 39");
  await person.press("End");
  await person.scrolledToEnd();
  await person.press("k");
  await person.settled();
  notes.afterEnd = Number((await person.at("after End")).name.split(" ")[1]);
}

/** Walk through the page that `backscroll view` serves. */
async function walkStandalone(browser, { origin, state }) {
  const context = await browser.newContext({ reducedMotion: "reduce", viewport: { width: 880, height: 600 } });
  await context.route("https://example.com/**", (route) => route.fulfill({ body: "opened" }));
  const tab = await opened(context);
  const notes = (seen.standalone = { where: "standalone", opened: "" });
  context.on("page", (other) => { notes.opened = other.url(); other.close(); });
  await tab.goto(`${origin}/#code-keyboard`);
  await walk(new Person(tab, tab.mainFrame(), notes), state);
  await context.close();
}

/** Walk through the App, then through views that only a host can show. */
async function walkApp(browser) {
  const context = await browser.newContext({ reducedMotion: "reduce", viewport: { width: 900, height: 640 } });
  const { tab, bridge } = await hosted(context);
  const state = { failing: 0, empty: false, calls: [] };
  const result = await callTool({ name: "list-threads", arguments: {} });
  const asked = answering(bridge, { input: {}, result, state });
  await bridge.embed();
  const frame = tab.frames()[1];
  const notes = (seen.app = { where: "App" });
  const person = new Person(tab, frame, notes);
  await walk(person, state);
  notes.opened = asked.find(({ method }) => method === "ui/open-link").params.url;

  await person.go("Ask about this");
  await person.press("Enter");
  await person.note("a message was quoted", "Ask about this");
  await frame.getByText("The quote was sent").waitFor();
  notes.quoted = asked.filter(({ method }) => method === "ui/message").length;
  await resultSent(bridge, { content: [{ type: "text", text: "Only text, see https://example.com/b." }] });
  await person.shown(".plain");
  await person.note("text was shown", "heading Result");
  await person.press("Tab");
  await person.sweep("text");
  await look("text", frame);
  await person.go("Only text");
  await person.press("Escape");
  await person.note("Escape left the text", "message");
  const message = { id: "msg_1", role: "user", text: "One message", files: ["plan.pdf"] };
  await resultSent(bridge, { content: [], structuredContent: { message } }, { thread_id: given.thread });
  await person.shown("[role=article]");
  await person.note("one message was shown", "message 1");
  await person.press("Tab");
  await person.sweep("one message");
  await look("one message", frame);
  await context.close();
}

module.exports = { walkStandalone, walkApp };
