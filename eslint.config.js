import js from "@eslint/js";
import globals from "globals";

const scripts = {
  sourceType: "script",
  globals: {
    ...globals.browser,
    kit: "readonly", // cnnbook/figures/kit: stands in front of every figure
    cnnbookFigures: "readonly", // the figures of a page, for the tests
    smallNetwork: "readonly", // and its network.js, for a figure that asks for it
    messages: "readonly", // sphinx-copybutton
    locale: "readonly",
    Search: "readonly", // Sphinx
    splitQuery: "readonly", // tools/book_search.js, for notebooks/_static/search_order.js
  },
};

export default [
  { ignores: [".venv/", "_build/"] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "prefer-const": "error",
      "no-redeclare": ["error", { builtinGlobals: false }], // the kit makes the name `kit`
      "max-len": ["error", { code: 100, ignoreUrls: true }], // as in Python
    },
  },
  { files: ["cnnbook/figures/**/*.js"], languageOptions: { globals: scripts.globals } },
  { files: ["{notebooks,tests,tools}/**/*.js"], languageOptions: scripts },
  {
    // Names that other scripts of the page use.
    files: ["cnnbook/figures/kit/*.js", "{notebooks,tests,tools}/**/*.js"],
    languageOptions: { sourceType: "script" },
    rules: { "no-unused-vars": ["error", { vars: "local" }] },
  },
  {
    // The parts of the kit are joined before they run: TypeScript knows each other's names.
    files: ["cnnbook/figures/kit/*.js"],
    rules: { "no-undef": "off" },
  },
];
