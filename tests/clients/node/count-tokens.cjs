// A JSON list of texts on stdin; on stdout the list of their lengths in tokens of o200k.
const fs = require("node:fs");
const { Tiktoken } = require("js-tiktoken/lite");
const o200k = require("js-tiktoken/ranks/o200k_base");

const encoding = new Tiktoken(o200k.default ?? o200k);
const texts = JSON.parse(fs.readFileSync(0, "utf8"));
// Nothing in a text is a special token: `<|endoftext|>` in one is text like any other.
console.log(JSON.stringify(texts.map((text) => encoding.encode(text, [], []).length)));
