// Opens the link of `backscroll view`, which is on stdin, twice. On stdout what was seen, as JSON.
const fs = require("node:fs");
const { start } = require("../clients/node/browser.cjs");

async function main() {
  const link = fs.readFileSync(0, "utf8").trim();
  const browser = await start();
  const tab = await browser.newPage();
  const seen = { console: [] };
  tab.on("console", (message) => seen.console.push(message.text()));
  tab.on("pageerror", (error) => seen.console.push(String(error)));
  await tab.goto(link);
  await tab.locator(".card").first().click();
  await tab.getByText("On Rottnest.").waitFor();
  seen.address = tab.url();
  await tab.keyboard.press("/");
  await tab.keyboard.type("quokka");
  await tab.keyboard.press("Enter");
  seen.mark = await tab.locator("mark").first().textContent();
  const again = await browser.newPage();
  await again.goto(link);
  seen.again = await again.locator("#problem span").textContent();
  await browser.close();
  console.log(JSON.stringify(seen));
}

main().catch((error) => { console.error(error); process.exit(1); });
