// The shape tracer: a network layer by layer. The answer of a layer stays hidden until the reader
// has guessed it or asks for it. Python has worked out every step; the page compares and shows.

const written = (shape) => `(N, ${shape.join(", ")})`;
const AXES = { 3: ["C", "H", "W"], 1: ["L"] };

// Which parts of a guess are wrong: places in the shape, and "parameters". Empty ones are wrong.
function wrongParts(step, shape, parameters) {
  const wrong = step.after.flatMap((size, axis) => (shape[axis] === size ? [] : [axis]));
  return parameters === step.parameters ? wrong : [...wrong, "parameters"];
}

// How large a tensor is drawn, in a field of 100 × 100.
function box(shape) {
  if (shape.length === 3) return [12 + (60 * shape[2]) / 28, 12 + (60 * shape[1]) / 28];
  return [10, Math.min(88, 12 + 22 * Math.log10(shape[0]))];
}

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "shape_tracer");
  const { element, svg } = kit;
  const steps = model.get("steps");
  const place = () => Math.max(0, Math.min(model.get("place"), steps.length - 1));
  const isKnown = (index) => model.get("known").includes(index);
  const counted = (number) => number.toLocaleString("en-US");
  const total = steps.reduce((sum, step) => sum + step.parameters, 0);

  // ---- the strip of tensors: the input, then one tile a layer ---------------------------------
  const tile = (step, index) => {
    const drawing = svg("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" });
    const shape = element("span", { class: "shape-size" });
    const name = element("span", { class: "shape-name" }, step ? step.name : word("input"));
    const node = step
      ? element("button", { type: "button", class: "shape-tile", tabindex: -1,
        onclick: () => moveTo(index) }, name, drawing, shape)
      : element("div", { class: "shape-tile shape-start" }, name, drawing, shape);
    node.dataset.kind = step ? step.kind : "input";
    return { node, drawing, shape };
  };
  const first = tile(null);
  const tiles = steps.map(tile);
  const strip = element("div", { class: "shape-strip", role: "group", "aria-label": word("move") },
    first.node, ...tiles.map((one) => one.node));

  // ---- the layer in hand ----------------------------------------------------------------------
  const title = element("div", { class: "shape-title" });
  const numbers = element("div", { class: "shape-quiet" });
  const before = element("b", { class: "shape-tuple" });
  const after = element("span", { class: "shape-tuple" });
  const parameters = element("span", { class: "shape-tuple" });
  const why = element("div", { class: "shape-why" });
  const verdict = element("div", { class: "shape-verdict", role: "status", "aria-live": "polite" });
  const spoken = element("div", { class: "shape-spoken", role: "status", "aria-live": "polite" });
  const overall = element("div", { class: "shape-quiet" });
  const check = kit.button({ label: word("check"), onClick: judge });
  const answer = kit.button({ label: word("answer"), onClick: () => open([place()]) });
  const row = (name, node) => element("div", { class: "shape-row" },
    element("span", { class: "shape-quiet" }, word(name)), node);
  root.append(strip,
    element("section", { class: "shape-panel" },
      element("div", { class: "shape-left" }, title, numbers,
        row("before", before), row("after", after), row("parameters", parameters),
        element("div", { class: "shape-buttons" },
          kit.button({ label: "←", name: word("previous"), onClick: () => moveTo(place() - 1) }),
          check, answer,
          kit.button({ label: "→", name: word("next"), onClick: () => moveTo(place() + 1) }))),
      element("div", { class: "shape-result" }, verdict, why, spoken)),
    element("section", { class: "shape-foot" }, overall,
      element("div", { class: "shape-buttons" },
        kit.button({ label: word("show_all"), onClick: () => open(steps.keys()) }),
        kit.button({ label: word("hide_all"), onClick: () => setKnown([]) })),
      element("div", { class: "shape-quiet shape-help" }, word("help"))));

  // ---- what the reader does -------------------------------------------------------------------
  let fields = [];
  function setKnown(known) {
    model.set("known", known);
    model.save_changes();
  }
  function open(places) {
    setKnown([...new Set([...model.get("known"), ...places])].sort((a, b) => a - b));
  }
  function moveTo(index) {
    const next = Math.max(0, Math.min(index, steps.length - 1));
    if (next === place()) return;
    model.set("place", next);
    model.save_changes();
  }
  const typed = (field) => {
    const text = field.value.replace(/[\s,]/g, "");
    return text === "" ? NaN : Number(text);
  };
  function judge() {
    const step = steps[place()];
    const guess = fields.map(typed);
    if (guess.every(Number.isNaN)) { verdict.textContent = word("empty"); fields[0].focus(); return; }
    const wrong = wrongParts(step, guess.slice(0, -1), guess[guess.length - 1]);
    fields.forEach((field, index) => {
      const part = index === fields.length - 1 ? "parameters" : index;
      field.setAttribute("aria-invalid", wrong.includes(part));
    });
    if (!wrong.length) {
      open([place()]);
      verdict.textContent = word("right");
      tiles[place()].node.focus();
      return;
    }
    const names = wrong.map((part) => (part === "parameters" ? word("parameters")
      : AXES[step.after.length][part]));
    verdict.textContent = word("wrong", { what: names.join(", ") });
    fields[wrong[0] === "parameters" ? fields.length - 1 : wrong[0]].focus();
  }
  root.addEventListener("keydown", (event) => {
    if (event.target.matches("input")) {
      if (event.key === "Enter") judge();
      return;
    }
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by) moveTo(place() + by);
    else if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(steps.length - 1);
    else return;
    if (event.target.matches(".shape-tile")) tiles[place()].node.focus();
    event.preventDefault();
  });

  // ---- the drawing ----------------------------------------------------------------------------
  function drawTile({ node, drawing, shape }, size, known) {
    node.classList.toggle("shape-hidden", !known);
    shape.textContent = known ? size.join(" × ") : "?";
    const [width, height] = known ? box(size) : [46, 46];
    // A map is drawn as a stack: the more channels, the more sheets.
    const sheets = !known || size.length === 1 ? 1 : 1 + Math.round(Math.log2(size[0]));
    drawing.replaceChildren(...Array.from({ length: sheets }, (_, sheet) => {
      const away = 2.2 * (sheets - 1 - sheet) - 1.1 * (sheets - 1);
      return svg("rect", { x: 50 - width / 2 + away, y: 50 - height / 2 - away, width, height, rx: 2 });
    }));
  }
  function drawStrip() {
    drawTile(first, model.get("shape"), true);
    tiles.forEach((one, index) => {
      const [step, known] = [steps[index], isKnown(index)];
      drawTile(one, step.after, known);
      one.node.tabIndex = index === place() ? 0 : -1;
      one.node.setAttribute("aria-current", index === place() ? "step" : "false");
      one.node.setAttribute("aria-label",
        `${index + 1}. ${step.name}: ${known ? written(step.after) : "?"}`);
    });
  }
  // A field to guess in; `what` is its accessible name.
  const field = (what, width) => element("input", { type: "text", inputmode: "numeric",
    autocomplete: "off", spellcheck: "false", class: "shape-field", size: width,
    "aria-label": word("guess", { what }) });
  function drawPanel() {
    const [step, index] = [steps[place()], place()];
    const known = isKnown(index);
    const inputKnown = index === 0 || isKnown(index - 1);
    title.textContent = `${index + 1}. ${step.name}`;
    title.dataset.kind = step.kind;
    const facts = Object.entries(step.numbers).map(([name, value]) => {
      const label = word(name === "kernel" && step.kind === "pooling" ? "window" : name);
      return `${label} ${name === "kernel" ? `${value} × ${value}` : value}`;
    });
    numbers.textContent = [word(step.kind), ...facts].join(" · ");
    before.textContent = inputKnown ? written(step.before) : "?";
    check.disabled = known;
    answer.disabled = known;
    fields = [];
    if (known) {
      after.replaceChildren(element("b", {}, written(step.after)));
      parameters.replaceChildren(element("b", {}, counted(step.parameters)));
    } else {
      fields = [...step.after.map((_, axis) => field(AXES[step.after.length][axis], 3)),
        field(word("parameters"), 9)];
      after.replaceChildren("(N", ...fields.slice(0, -1).flatMap((one) => [", ", one]), ")");
      parameters.replaceChildren(fields[fields.length - 1]);
    }
    verdict.textContent = known ? "" : word("empty");
    spoken.textContent = known ? word("said", { name: step.name, before: written(step.before),
      after: written(step.after), parameters: counted(step.parameters) }) : "";
    why.replaceChildren(...(known ? reasons(step) : []).map((text) => element("div", {}, text)));
  }
  // Why the answer is what it is, with its numbers.
  function reasons(step) {
    const rule = { convolution: "as_filters", pooling: "as_channels", global: "mean",
      dense: "as_units", output: "as_units" }[step.kind] || (step.size ? "" : "same");
    const name = step.after.length === 3 ? word("height") : word("length");
    return [
      ...(step.size ? [`${name}: ${step.size}`] : []), ...(rule ? [word(rule)] : []),
      ...(step.parameters ? [`${word("parameters")}: ${step.count}`] : [])];
  }
  function drawAll() {
    drawStrip();
    drawPanel();
    const known = model.get("known").filter((index) => steps[index]);
    const sum = known.reduce((all, index) => all + steps[index].parameters, 0);
    overall.textContent = [word("total_hidden", { known: known.length, count: steps.length }),
      ...(known.length === steps.length
        ? [word("total", { sum: counted(sum), total: counted(total) })] : [])].join(" ");
  }
  const undo = [
    kit.followTheme(root, () => {}), // colours come from the style sheet
    kit.onChange(model, ["place", "known"], drawAll),
  ];
  drawAll();
  return () => undo.forEach((stopListening) => stopListening());
}

export default { render, wrongParts };
