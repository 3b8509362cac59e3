import js from "@eslint/js";
import globals from "globals";

export default [
  // Built by `make assets` of consent/browser/, which is what is checked.
  {
    ignores: [
      "consent/static/consent/*.*.js",
      "consent/pages/inline/*.js",
      "consent/recipes/*.js",
    ],
  },
  js.configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: {
      // What the browsers of the last five years run as it is: building shortens it, no more.
      ecmaVersion: 2021,
      sourceType: "script",
      globals: { ...globals.browser, CACHEABLE: "readonly", SHARED: "readonly", INCLUDE: "readonly", TYPES: "readonly", CONSENT_SIGNALS: "readonly" },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "func-style": ["error", "declaration", { allowArrowFunctions: true }],
      "no-alert": "error",
      "no-console": ["error", { allow: ["error", "warn"] }],
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-shadow": "error",
      "no-unused-vars": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
];
