/*
 * Builds what browsers get of consent/browser/, minified: the files that pages load, named after
 * their content, and the texts that Python writes into pages and answers. It also writes
 * consent/pages/assets.py, by which Python knows the names of the files.
 *
 * shared.json has what Python and the scripts both must know: `make assets` has Python write it.
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
// What Python reads of its own directories and writes into pages or answers.
const TEXTS = {
  "follow_consent.js": "pages/inline/follow_consent.js",
  "read_choices.js": "pages/inline/read_choices.js",
  "read_signals.js": "pages/inline/read_signals.js",
  "google_consent_mode.js": "recipes/google_consent_mode.js",
  "notice_without_script.css": "pages/inline/notice_without_script.css",
  "signal_without_script.css": "pages/inline/signal_without_script.css",
};
// What a page loads together, and how much that may weigh in bytes as they are sent.
const BUDGETS = [
  [8192, "SCRIPT", "STYLESHEET"],
  [8192, "CACHEABLE_SCRIPT", "STYLESHEET"],
  [1000, "EMBED_SCRIPT", "EMBED_STYLESHEET"],
];

const file = (path) => fileURLToPath(new URL(`../consent/${path}`, import.meta.url));
const shared = JSON.parse(readFileSync(file("browser/shared.json")));
const sha256 = (content) => createHash("sha256").update(content).digest("hex");

const builders = {
  css: (code) => transform({
    filename: "style.css",
    code,
    minify: true,
    // Not (width >= 40rem), which browsers learned late.
    include: Features.MediaQueries,
  }).code,
  js: async (code, defines, isExpression = false) => (await minify(code.toString(), {
    // Nothing is left in the global scope, so every name can be shortened.
    toplevel: true,
    compress: {
      ecma: 2020,
      passes: 4,
      unsafe_arrows: !isExpression,
      unsafe_methods: true,
      global_defs: { ...defines, SHARED: shared },
      // The value of a text, a function, is what is wanted of it.
      expression: isExpression,
      // Fewer characters, but more bytes once they are gzipped.
      loops: false,
    },
    format: { ecma: 2020, comments: false },
  })).code,
};

const names = [];
const sizes = {};
const hashes = new Map();

/** Notes the hash of a source, so that a test can tell whether the build is of its present text. */
const note = (source) => {
  hashes.set(source, `    "${source}": "${sha256(readFileSync(file(`browser/${source}`)))}",`);
};

/** Builds a text that Python reads. */
const buildText = async (source, target) => {
  const [, extension] = source.split(".");
  const content = await builders[extension](readFileSync(file(`browser/${source}`)), {}, true);
  writeFileSync(file(target), `${content.toString().replace(/;$/, "")}\n`);
  note(source);
};

/** Returns the text of a script, with the sources, each an expression, that it includes. */
const readScript = (source) => readFileSync(file(`browser/${source}`), "utf8").replace(
  /INCLUDE\('([a-z_.]+)'\)/g,
  (_, name) => {
    note(name);
    return readScript(name).trim().replace(/;$/, "");
  },
);

/** Builds one file, and notes its name, how much it weighs, and its source's hash. */
const build = async (constant, { source, defines }) => {
  const [part, extension] = source.split(".");
  const code = Buffer.from(readScript(source));
  const content = Buffer.from(await builders[extension](code, defines));
  const name = `consent/${part}.${sha256(content).slice(0, 8)}.${extension}`;
  writeFileSync(file(`static/${name}`), content);
  names.push(`${constant} = "${name}"`);
  sizes[constant] = gzipSync(content, { level: 9 }).length;
  note(source);
  console.log(`${name}: ${sizes[constant]} bytes gzipped`);
};

mkdirSync(file("static/consent"), { recursive: true });
for (const name of readdirSync(file("static/consent"))) {
  if (/^(choice|embed)\./.test(name)) rmSync(file(`static/consent/${name}`));
}
for (const [constant, parts] of Object.entries(FILES)) await build(constant, parts);
for (const [source, target] of Object.entries(TEXTS)) await buildText(source, target);
note("shared.json");

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
