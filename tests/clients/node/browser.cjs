// A headless Chromium from npm, which needs neither an installation nor a network.
const fs = require("node:fs");
const path = require("node:path");

const NODE = path.resolve(__dirname, "../../../.cache/node");
const UNPACKED = path.join(NODE, "browser");

/** Return the path of the browser. The first call unpacks it, which takes three seconds. */
async function executable() {
  const found = path.join(UNPACKED, "chromium");
  if (fs.existsSync(found)) return found;
  const folder = fs.mkdtempSync(path.join(NODE, "browser-"));
  const { TMPDIR } = process.env;
  process.env.TMPDIR = folder; // the package unpacks into it
  const { default: chromium } = require("@sparticuz/chromium");
  await chromium.executablePath();
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  // The package has one font, for machines without any.
  fs.writeFileSync(path.join(folder, "fonts.conf"), `<?xml version="1.0"?><fontconfig>
    <dir>${UNPACKED}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${UNPACKED}/cache</cachedir></fontconfig>`);
  try {
    fs.renameSync(folder, UNPACKED);
  } catch {
    fs.rmSync(folder, { recursive: true }); // another process was faster
  }
  return found;
}

/** Start the browser. Its own sandbox needs rights that a container does not give. */
async function start() {
  const executablePath = await executable();
  process.env.FONTCONFIG_FILE ??= path.join(UNPACKED, "fonts.conf");
  const { chromium } = require("playwright-core");
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--no-zygote", "--disable-gpu", "--font-render-hinting=none"],
  });
}

module.exports = { start };
