/*
 * Builds what pages load of consent/browser/: a minified script and a minified stylesheet, named
 * after their content, and consent/assets.py, by which Python knows these names.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Features, transform } from "lightningcss";
import { minify } from "terser";

const BUDGET = 5000;

const file = (path) => fileURLToPath(new URL(`../consent/${path}`, import.meta.url));
const sha256 = (content) => createHash("sha256").update(content).digest("hex");

const sources = {
  "choice.css": readFileSync(file("browser/choice.css")),
  "choice.js": readFileSync(file("browser/choice.js")),
};

const script = await minify(sources["choice.js"].toString(), {
  // Nothing is left in the global scope, so every name can be shortened.
  toplevel: true,
  compress: {
    ecma: 2020,
    passes: 4,
    unsafe_arrows: true,
    unsafe_methods: true,
    // Fewer characters, but more bytes once they are gzipped.
    conditionals: false,
    loops: false,
  },
  format: { ecma: 2020, comments: false },
});
const stylesheet = transform({
  filename: "choice.css",
  code: sources["choice.css"],
  minify: true,
  // Not (width >= 40rem), which browsers learned late.
  include: Features.MediaQueries,
});

mkdirSync(file("static/consent"), { recursive: true });
for (const name of readdirSync(file("static/consent"))) {
  if (name.startsWith("choice.")) rmSync(file(`static/consent/${name}`));
}
const built = { css: Buffer.from(stylesheet.code), js: Buffer.from(script.code) };
const names = {};
let total = 0;
for (const [extension, content] of Object.entries(built)) {
  names[extension] = `consent/choice.${sha256(content).slice(0, 8)}.${extension}`;
  writeFileSync(file(`static/${names[extension]}`), content);
  const size = gzipSync(content, { level: 9 }).length;
  total += size;
  console.log(`${names[extension]}: ${size} bytes gzipped`);
}

const hashes = Object.entries(sources).map(([name, content]) => `    "${name}": "${sha256(content)}",`);
writeFileSync(
  file("assets.py"),
  `"""What pages load, named after its content. Written by \`\`make assets\`\`, never by hand."""

SCRIPT = "${names.js}"
STYLESHEET = "${names.css}"

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
${hashes.join("\n")}
}
`,
);

if (total > BUDGET) {
  console.error(`Together they have ${total} bytes, more than the ${BUDGET} they may have.`);
  process.exitCode = 1;
}
