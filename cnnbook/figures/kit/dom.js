// dom.js: nodes, the root of a figure, and its controls.

/**
 * element("button", { class: "big", onclick: go }, "Go"): attributes, listeners, children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes]
 * @param {...any} children nodes and texts
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/**
 * The same for the parts of a drawing: svg("circle", { r: 3 }).
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [attributes]
 * @param {...any} children nodes and texts
 * @returns {SVGElementTagNameMap[Tag]}
 */
function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  node.append(...children);
  return node;
}

/**
 * The root of figure `name`, and what all of its functions need:
 * word("of", { done: 3 }), the words for a key with {done} filled in; get(trait); and
 * put({ trait: value, … }), which sets the traits that differ and tells Python once.
 * Keys stay inside: JupyterLab takes arrow keys for itself unless their keydown stops here.
 * @param {HTMLElement} el
 * @param {Model} model
 * @param {string} name
 */
function figure(el, model, name) {
  const words = model.get("words");
  const root = element("div", {
    class: "cnnbook-figure", "data-figure": name, lang: model.get("language"),
  });
  el.classList.add("cnnbook-place");
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
  el.replaceChildren(root);
  /** @param {string} key @param {Record<string, any>} [values] @returns {string} */
  const word = (key, values = {}) =>
    words[key].replace(/\{(\w+)\}/g, (_, place) => values[place]);
  /** @param {string} trait */
  const get = (trait) => model.get(trait);
  const differs = ([trait, value]) => JSON.stringify(value) !== JSON.stringify(get(trait));
  const set = (changes) => Object.entries(changes).filter(differs)
    .map(([trait, value]) => model.set(trait, value)).length;
  /**
   * `follows` says which more traits must change when these have changed: a position, say.
   * @param {Record<string, any>} changes
   * @param {() => Record<string, any>} [follows]
   */
  function put(changes, follows = () => ({})) {
    if (set(changes) + set(follows())) model.save_changes();
  }
  return { root, word, get, put };
}

/** Write `text` into `node` where it says something else: a live line is read out only then. */
function write(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

/**
 * The children of `node`: made or removed until there are `count`, so that drawing changes nodes
 * and does not make them anew.
 * @param {Element} node
 * @param {number} count
 * @param {() => Element} make
 */
function children(node, count, make) {
  while (node.children.length > count) node.lastChild.remove();
  while (node.children.length < count) node.append(make());
  return /** @type {HTMLElement[]} */ ([...node.children]);
}

/**
 * A slider with a visible label and value. onInput(number) is called as it moves; a double click
 * puts it back to where it stood first. `name` is its accessible name where the label, seen where
 * it stands, says less.
 * @param {{ label: string, name?: string, min: number, max: number, step?: number,
 *   onInput: (value: number) => void }} options
 */
function slider({ label, name = label, min, max, step = 1, onInput }) {
  const value = element("output", { class: "cnnbook-value" });
  let start; // the first value it was set to
  const moved = () => { value.textContent = input.value; onInput(Number(input.value)); };
  const input = element("input", {
    type: "range", min, max, step, "aria-label": name, oninput: moved,
    ondblclick: () => { input.value = start; moved(); },
  });
  const node = element("label", { class: "cnnbook-slider" },
    element("span", {}, label), input, value);
  const set = (number) => { start ??= number; input.value = number; write(value, number); };
  return { node, input, set };
}

/**
 * A box to tick, with its label; onInput(ticked) is called on a change.
 * @param {{ label: string, name?: string, onInput: (ticked: boolean) => void }} options
 */
function tick({ label, name, onInput }) {
  const input = element("input", {
    type: "checkbox", "aria-label": name, onchange: () => onInput(input.checked),
  });
  const node = element("label", { class: "cnnbook-tick" }, input, label);
  return { node, input, set: (ticked) => { input.checked = ticked; } };
}

/**
 * A drop-down list; onInput(value) is called on a choice. An option with the value "" can be
 * shown, not chosen.
 * @param {{ label: string, options: any[][], onInput: (value: string) => void }} options
 *   options: [[value, label], …]
 */
function select({ label, options, onInput }) {
  const input = element("select", { onchange: () => onInput(input.value) },
    ...options.map(([value, text]) =>
      element("option", { value, disabled: value === "" ? "" : null }, text)));
  const node = element("label", { class: "cnnbook-select" }, element("span", {}, label), input);
  return { node, input, set: (value) => { input.value = value; } };
}

/**
 * A button; `name` is its accessible name where the visible label is only a sign.
 * @param {{ label: string, name?: string, onClick: (event: Event) => void }} options
 */
function button({ label, name, onClick }) {
  return element("button", {
    type: "button", class: "cnnbook-button", "aria-label": name, title: name, onclick: onClick,
  }, label);
}

/** A line that screen readers read out when its text changes. */
function live() {
  return element("div", { class: "cnnbook-live", role: "status", "aria-live": "polite" });
}
