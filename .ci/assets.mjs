/*
 * Builds what pages load of consent/browser/: minified scripts and stylesheets, named after their
 * content, and consent/pages/assets.py, by which Python knows these names.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Features, transform } from "lightningcss";
import { minify } from "terser";

// What Python calls each file, its source, and what is left out of it or not.
const FILES = {
  SCRIPT: { source: "choice.js", defines: { CACHEABLE: false } },
  CACHEABLE_SCRIPT: { source: "choice.js", defines: { CACHEABLE: true } },
  STYLESHEET: { source: "choice.css" },
  EMBED_SCRIPT: { source: "embed.js" },
  EMBED_STYLESHEET: { source: "embed.css" },
};
// What a page loads together, and how much that may weigh in bytes as they are sent.
const BUDGETS = [
  [5120, "SCRIPT", "STYLESHEET"],
  [5500, "CACHEABLE_SCRIPT", "STYLESHEET"],
  [1000, "EMBED_SCRIPT", "EMBED_STYLESHEET"],
];

const file = (path) => fileURLToPath(new URL(`../consent/${path}`, import.meta.url));
const sha256 = (content) => createHash("sha256").update(content).digest("hex");

const builders = {
  css: (code) => transform({
    filename: "style.css",
    code,
    minify: true,
    // Not (width >= 40rem), which browsers learned late.
    include: Features.MediaQueries,
  }).code,
  js: async (code, defines) => (await minify(code.toString(), {
    // Nothing is left in the global scope, so every name can be shortened.
    toplevel: true,
    compress: {
      ecma: 2020,
      passes: 4,
      unsafe_arrows: true,
      unsafe_methods: true,
      global_defs: defines,
      // Fewer characters, but more bytes once they are gzipped.
      loops: false,
    },
    format: { ecma: 2020, comments: false },
  })).code,
};

const names = [];
const sizes = {};
const hashes = new Map();

/** Builds one file, and notes its name, how much it weighs, and its source's hash. */
const build = async (constant, { source, defines }) => {
  const [part, extension] = source.split(".");
  const code = readFileSync(file(`browser/${source}`));
  const content = Buffer.from(await builders[extension](code, defines));
  const name = `consent/${part}.${sha256(content).slice(0, 8)}.${extension}`;
  writeFileSync(file(`static/${name}`), content);
  names.push(`${constant} = "${name}"`);
  sizes[constant] = gzipSync(content, { level: 9 }).length;
  hashes.set(source, `    "${source}": "${sha256(code)}",`);
  console.log(`${name}: ${sizes[constant]} bytes gzipped`);
};

mkdirSync(file("static/consent"), { recursive: true });
for (const name of readdirSync(file("static/consent"))) {
  if (/^(choice|embed)\./.test(name)) rmSync(file(`static/consent/${name}`));
}
for (const [constant, parts] of Object.entries(FILES)) await build(constant, parts);

writeFileSync(
  file("pages/assets.py"),
  `"""What pages load, named after its content. Written by \`\`make assets\`\`, never by hand."""

${names.join("\n")}

# The SHA-256 of each file in consent/browser/ from which these were built.
SOURCES = {
${[...hashes.values()].join("\n")}
}
`,
);

for (const [budget, ...together] of BUDGETS) {
  const total = together.reduce((sum, name) => sum + sizes[name], 0);
  if (total > budget) {
    console.error(`${together.join(" and ")} have ${total} bytes, and may have ${budget}.`);
    process.exitCode = 1;
  }
}
