// Draws the page as a host shows it. On stdin `{page, input, result, files: {light, dark}}` as JSON:
// the page's file, a tool's arguments and result, and where the pictures go.
const fs = require("node:fs");
const { start } = require("../tests/clients/node/browser.cjs");

const { page, input, result, files } = JSON.parse(fs.readFileSync(0, "utf8"));

/** A host with one App, to which it passes one result. It makes the App as high as the App asks. */
const host = (html, theme) => `<!doctype html><body style="margin:0"><iframe title="App"
  style="width:860px;height:400px;border:0;display:block"></iframe><script>
  const frame = document.querySelector("iframe");
  const send = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
  addEventListener("message", ({ data: { id, method, params } }) => {
    if (method === "ui/notifications/size-changed") frame.style.height = params.height + "px";
    if (method === "ui/initialize") send({ id, result: { hostCapabilities: { serverTools: {} },
      hostContext: { theme: "${theme}", locale: "en-GB", timeZone: "UTC" } } });
    if (method !== "ui/notifications/initialized") return;
    send({ method: "ui/notifications/tool-input", params: { arguments: ${script(input)} } });
    send({ method: "ui/notifications/tool-result", params: ${script(result)} });
  });
  frame.srcdoc = ${script(html)};
</script>`;

const script = (value) => JSON.stringify(value).replaceAll("<", "\\u003c");

/** Return whether the first message is visible from its top on. This runs in the page. */
function startsWhole() {
  const top = (selector) => document.querySelector(selector).getBoundingClientRect().top;
  return top("[role=article]") >= top(".scroller");
}

async function main() {
  const browser = await start();
  const html = fs.readFileSync(page, "utf8");
  for (const [theme, path] of Object.entries(files)) {
    const tab = await browser.newPage({
      colorScheme: theme, deviceScaleFactor: 1.6, viewport: { width: 860, height: 700 },
    });
    await tab.setContent(host(html, theme));
    await tab.frameLocator("iframe").locator("[role=article]").first().waitFor();
    await tab.frames()[1].waitForFunction(startsWhole, null, { timeout: 10_000 });
    await tab.locator("iframe").screenshot({ path, animations: "disabled" });
    await tab.close();
  }
  await browser.close();
}

main();
