// colour.js: the theme of the page, the colours of figure.css, and scales between them.

// What JupyterLab, Sphinx, Colab and VS Code say, else the reader's system: "dark" or "light", and
// "high" where VS Code shows high contrast.
function themeOfThePage() {
  const named = (dark, contrast = "") => ({ theme: dark ? "dark" : "light", contrast });
  for (const node of [document.body, document.documentElement]) {
    if (node.dataset.jpThemeLight) return named(node.dataset.jpThemeLight === "false");
    const theme = node.dataset.theme || node.getAttribute("theme");
    if (theme === "dark" || theme === "light") return named(theme === "dark");
    const kind = [...node.classList].find((name) => name.startsWith("vscode-"));
    if (node.classList.contains("vscode-high-contrast-light")) return named(false, "high");
    if (node.classList.contains("vscode-high-contrast")) return named(true, "high");
    if (kind === "vscode-dark" || kind === "vscode-light") return named(kind === "vscode-dark");
  }
  return named(matchMedia("(prefers-color-scheme: dark)").matches);
}

// Keep root.dataset.theme right and redraw when it changes. Returns the undo.
function followTheme(root, draw) {
  const update = () => {
    const { theme, contrast } = themeOfThePage();
    if (root.dataset.theme === theme && root.dataset.contrast === contrast) return;
    Object.assign(root.dataset, { theme, contrast });
    draw();
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const page = new MutationObserver(update);
  system.addEventListener("change", update);
  page.observe(document.documentElement, { attributes: true });
  page.observe(document.body, { attributes: true });
  update();
  // A notebook renders a figure before it puts it on the page, where its colours are known: there
  // the figure gets a size, and that is told once.
  const arrival = new ResizeObserver(() => {
    if (!root.isConnected) return;
    arrival.disconnect();
    draw();
  });
  if (!root.isConnected) arrival.observe(root);
  return () => {
    arrival.disconnect();
    page.disconnect();
    system.removeEventListener("change", update);
  };
}

const palettes = new WeakMap(); // of each root: the colours that were asked for, by theme and name

/**
 * A colour of figure.css, as [red, green, blue] in 0…255: colour(root, "input").
 * @param {HTMLElement} root
 * @param {string} name
 * @returns {number[]}
 */
function colour(root, name) {
  if (!palettes.has(root)) palettes.set(root, {});
  const palette = palettes.get(root);
  const key = `${root.dataset.theme} ${root.dataset.contrast} ${name}`;
  if (palette[key]) return palette[key];
  const hex = getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const rgb = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  if (hex) palette[key] = rgb; // before it is on the page a figure has no colours
  return rgb;
}

/** @param {number[]} from @param {number[]} to @param {number} share */
const mix = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);
const grey = (value) => [value, value, value];
const css = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;

// Signed values: t in [-1, 1], the ground colour at zero, purple below and green above.
function diverging(root) {
  const [zero, below, above] = ["ground", "below", "above"].map((name) => colour(root, name));
  return (t) => mix(zero, t < 0 ? below : above, Math.min(1, Math.abs(t)));
}
