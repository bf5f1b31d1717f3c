// Texts that try to become code, markup or other texts.
const { given, look, opened, seen } = require("./surroundings.cjs");

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

module.exports = { hostileTexts };
