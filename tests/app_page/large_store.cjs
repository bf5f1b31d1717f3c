// Opens the link of `backscroll view`, which is on stdin and leads to a long thread, and scrolls through
// the thread: first up, while its messages load, then down. An empty page is measured beside it. On
// stdout the figures, in milliseconds, as JSON.
const fs = require("node:fs");
const http = require("node:http");
const { start } = require("../clients/node/browser.cjs");

const TIMEOUT_MS = 180_000;
const EMPTY = "<!doctype html><title>Empty</title><div class=\"scroller\" style=\"height:600px;overflow:auto\">"
  + "<p>Empty</p><div style=\"height:300000px\"></div></div><p id=\"status\">0 items loaded</p>";

/** Scroll by one step in each frame, up or down to the end, and return the durations of the frames. */
async function scrolled(way) {
  const node = document.querySelector(".scroller");
  const isDone = () => (way < 0 ? node.scrollTop === 0 : node.scrollTop + node.clientHeight >= node.scrollHeight - 1)
    && !document.querySelector("#status").textContent.endsWith("more follow")
    && !document.querySelector("[aria-busy]");
  const frames = [];
  await new Promise(requestAnimationFrame);
  let before = performance.now();
  while (!isDone()) {
    node.scrollTop += way * 1000;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - before);
    before = now;
  }
  frames.sort((a, b) => a - b);
  const at = (share) => frames[Math.min(frames.length - 1, Math.floor(frames.length * share))];
  return { frames: frames.length, median: at(0.5), p99: at(0.99), longest: at(1),
    over: frames.filter((each) => each > 50).length };
}

const firstPaint = (tab) => tab.evaluate(() => new Promise((found) => {
  new PerformanceObserver((list) => {
    const paint = list.getEntriesByName("first-contentful-paint")[0];
    if (paint) found(paint.startTime);
  }).observe({ type: "paint", buffered: true });
}));

async function main() {
  const link = fs.readFileSync(0, "utf8").trim();
  const server = http.createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(EMPTY);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const empty = `http://127.0.0.1:${server.address().port}/`;
  const browser = await start();
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
  context.setDefaultTimeout(TIMEOUT_MS);
  const seen = {};

  const warm = await context.newPage(); // the first page of a browser paints late, whatever it shows
  await warm.goto(empty);
  await warm.close();
  const beside = await context.newPage();
  await beside.goto(empty);
  seen.emptyPaint = await firstPaint(beside);
  seen.empty = await beside.evaluate(scrolled, 1);
  await beside.close();

  const tab = await context.newPage();
  await tab.goto(link);
  await tab.locator("[role=article]").first().waitFor();
  seen.messages = await tab.evaluate(() => performance.now());
  seen.paint = await firstPaint(tab);
  seen.up = await tab.evaluate(scrolled, -1);
  seen.down = await tab.evaluate(scrolled, 1);
  seen.loaded = await tab.locator("#status").textContent();
  seen.last = await tab.locator("[role=article]").last().getAttribute("aria-posinset");
  seen.drawn = await tab.locator("[role=article]").count();
  await browser.close();
  server.close();
  console.log(JSON.stringify(seen));
}

main().catch((error) => { console.error(error); process.exit(1); });
