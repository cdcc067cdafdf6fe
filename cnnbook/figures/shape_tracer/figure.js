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
function drawnSize(shape) {
  if (shape.length === 3) return [12 + (60 * shape[2]) / 28, 12 + (60 * shape[1]) / 28];
  return [10, Math.min(88, 12 + 22 * Math.log10(shape[0]))];
}

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "shape_tracer");
  const { get, put } = figure;
  const steps = get("steps");
  const place = () => kit.inside([get("place")], [steps.length])[0];
  const step = () => steps[place()];
  const isKnown = (index) => get("known").includes(index);
  const setKnown = (places) => put({ known: [...new Set(places)].sort((a, b) => a - b) });
  const open = (places) => setKnown([...get("known"), ...places]);
  const path = kit.walk({
    place: () => [place()], shape: () => [steps.length], go: ([next]) => put({ place: next }),
  });
  // The last guess: at which layer, and what is wrong with it; null before there is one.
  const judged = { at: -1, wrong: null };
  return { ...figure, steps, place, step, isKnown, setKnown, open, path, judged };
}

const typed = (field) => {
  const text = field.value.replace(/[\s,]/g, "");
  return text === "" ? NaN : Number(text);
};

// What the reader wrote about the layer in hand: the focus goes to the first field that is wrong.
function judge({ place, step, open, judged }, { fields, tiles }) {
  const own = fieldsOf(step(), fields);
  const guess = own.map(typed);
  const wrong = wrongParts(step(), guess.slice(0, -1), guess.at(-1));
  Object.assign(judged, { at: place(), wrong: guess.every(Number.isNaN) ? null : wrong });
  const first = wrong[0] === "parameters" ? own.at(-1) : own[wrong[0]];
  if (!wrong.length) open([place()]);
  (first || tiles[place()].node).focus();
}

// ---- the parts ----------------------------------------------------------------------------------

// A tensor of the strip: the input, or what the layer `step` makes.
function makeTile(name, kind, onclick) {
  const { element } = kit;
  const drawing = kit.svg("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" });
  const size = element("span", { class: "shape-size" });
  const children = [element("span", { class: "shape-name" }, name), drawing, size];
  const node = onclick
    ? element("button", { type: "button", class: "shape-tile", tabindex: -1, onclick }, ...children)
    : element("div", { class: "shape-tile shape-start" }, ...children);
  node.dataset.kind = kind;
  return { node, drawing, size };
}

// The fields to guess in: one for each axis there can be, and one for the parameters.
function makeFields(word, onEnter) {
  const field = (what, size) => kit.element("input", {
    type: "text", inputmode: "numeric", autocomplete: "off", spellcheck: "false",
    class: "shape-field", size, "aria-label": word("guess", { what }),
    onkeydown: ({ key }) => { if (key === "Enter") onEnter(); },
  });
  const axes = Object.values(AXES).flat().map((axis) => [axis, field(axis, 3)]);
  return { ...Object.fromEntries(axes), parameters: field(word("parameters"), 9) };
}
// Those of the layer `step`, in the order of its answer.
const fieldsOf = (step, fields) =>
  [...AXES[step.after.length], "parameters"].map((part) => fields[part]);

function makeParts({ root, word, steps, place, setKnown, open, path }, onJudge) {
  const { element } = kit;
  const first = makeTile(word("input"), "input");
  const tiles = steps.map(({ name, kind }, index) => makeTile(name, kind, () => path.to([index])));
  const strip = element("div", { class: "shape-strip", role: "group", "aria-label": word("move") },
    first.node, ...tiles.map((one) => one.node));
  const box = (name, ...children) => element("div", { class: `shape-${name}` }, ...children);
  const status = (name) =>
    element("div", { class: `shape-${name}`, role: "status", "aria-live": "polite" });
  const row = (name, node) => box("row",
    element("span", { class: "shape-quiet" }, word(name)), node);
  const button = (label, onClick, name) => kit.button({ label, name, onClick });
  const [title, numbers, why, overall] = [box("title"), box("quiet"), box("why"), box("quiet")];
  const [verdict, spoken] = [status("verdict"), status("spoken")];
  const before = element("b", { class: "shape-tuple" });
  const [after, parameters] = [1, 2].map(() => element("span", { class: "shape-tuple" }));
  const check = button(word("check"), onJudge);
  const answer = button(word("answer"), () => open([place()]));
  root.append(strip,
    element("section", { class: "shape-panel" },
      box("left", title, numbers,
        row("before", before), row("after", after), row("parameters", parameters),
        box("buttons", button("←", () => path.step(-1), word("previous")), check, answer,
          button("→", () => path.step(1), word("next")))),
      box("result", verdict, why, spoken)),
    element("section", { class: "shape-foot" }, overall,
      box("buttons", button(word("show_all"), () => open(steps.keys())),
        button(word("hide_all"), () => setKnown([]))),
      box("quiet shape-help", word("help"))));
  return { first, tiles, strip, title, numbers, before, after, parameters, check, answer, verdict,
    why, spoken, overall, fields: makeFields(word, onJudge) };
}

// ---- the drawing --------------------------------------------------------------------------------

function drawTile({ node, drawing, size }, shape, known) {
  const [width, height] = known ? drawnSize(shape) : [46, 46];
  // A map is drawn as a stack: the more channels, the more sheets.
  const sheets = !known || shape.length === 1 ? 1 : 1 + Math.round(Math.log2(shape[0]));
  node.classList.toggle("shape-hidden", !known);
  kit.write(size, known ? shape.join(" × ") : "?");
  kit.children(drawing, sheets, () => kit.svg("rect", { rx: 2 })).forEach((rect, sheet) => {
    const away = 2.2 * (sheets - 1 - sheet) - 1.1 * (sheets - 1);
    const place = { x: 50 - width / 2 + away, y: 50 - height / 2 - away, width, height };
    Object.entries(place).forEach(([name, value]) => rect.setAttribute(name, String(value)));
  });
}

function drawTiles({ get, steps, isKnown }, { first, tiles }) {
  drawTile(first, get("shape"), true);
  tiles.forEach((tile, index) => drawTile(tile, steps[index].after, isKnown(index)));
}

// Which tile is in hand: the strip has one Tab stop, and the focus goes along.
function drawPlace({ steps, place, isKnown }, { strip, tiles }) {
  tiles.forEach(({ node }, index) => {
    const { name, after } = steps[index];
    node.tabIndex = index === place() ? 0 : -1;
    node.setAttribute("aria-current", index === place() ? "step" : "false");
    node.setAttribute("aria-label",
      `${index + 1}. ${name}: ${isKnown(index) ? written(after) : "?"}`);
  });
  if (strip.matches(":focus-within")) tiles[place()].node.focus();
}

function drawPanel({ word, place, step, isKnown, judged }, parts) {
  const { element, write } = kit;
  const [index, { name, kind, numbers, before, after, parameters }] = [place(), step()];
  const known = isKnown(index);
  const facts = Object.entries(numbers).map(([key, value]) => {
    const label = word(key === "kernel" && kind === "pooling" ? "window" : key);
    return `${label} ${key === "kernel" ? `${value} × ${value}` : value}`;
  });
  const said = {
    name, before: written(before), after: written(after), parameters: kit.counted(parameters),
  };
  write(parts.title, `${index + 1}. ${name}`);
  parts.title.dataset.kind = kind;
  write(parts.numbers, [word(kind), ...facts].join(" · "));
  write(parts.before, index === 0 || isKnown(index - 1) ? said.before : "?");
  parts.check.disabled = known;
  parts.answer.disabled = known;
  if (known) {
    parts.after.replaceChildren(element("b", {}, said.after));
    parts.parameters.replaceChildren(element("b", {}, said.parameters));
  } else {
    const fields = fieldsOf(step(), parts.fields);
    fields.forEach((field) => { field.value = ""; });
    parts.after.replaceChildren("(N", ...fields.slice(0, -1).flatMap((one) => [", ", one]), ")");
    parts.parameters.replaceChildren(fields.at(-1));
  }
  if (!known || judged.at !== index) judged.wrong = null; // with the fields goes what was guessed
  write(parts.spoken, known ? word("said", said) : "");
  parts.why.replaceChildren(
    ...(known ? reasons(word, step()) : []).map((text) => element("div", {}, text)));
}

// Why the answer is what it is, with its numbers.
function reasons(word, { kind, size, after, parameters, count }) {
  const rule = { convolution: "as_filters", pooling: "as_channels", global: "mean",
    dense: "as_units", output: "as_units" }[kind] || (size ? "" : "same");
  const name = after.length === 3 ? word("height") : word("length");
  return [
    ...(size ? [`${name}: ${size}`] : []), ...(rule ? [word(rule)] : []),
    ...(parameters ? [`${word("parameters")}: ${count}`] : [])];
}

function drawVerdict({ word, place, step, isKnown, judged }, { verdict, fields }) {
  const { wrong } = judged;
  const axes = AXES[step().after.length];
  const names = wrong?.map((part) => axes[part] || word("parameters"));
  fieldsOf(step(), fields).forEach((field, index) => {
    const part = axes[index] ? index : "parameters";
    field.setAttribute("aria-invalid", String(!!wrong?.includes(part)));
  });
  const right = wrong?.length === 0 ? word("right") : "";
  kit.write(verdict, isKnown(place()) ? right
    : wrong ? word("wrong", { what: names.join(", ") }) : word("empty"));
}

function drawOverall({ word, steps, isKnown }, { overall }) {
  const known = steps.filter((_, index) => isKnown(index)).length;
  const total = kit.counted(steps.reduce((sum, { parameters }) => sum + parameters, 0));
  const open = word("total_hidden", { known, count: steps.length });
  const all = known === steps.length ? ` ${word("total", { sum: total, total })}` : "";
  kit.write(overall, open + all);
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const parts = makeParts(view, () => { judge(view, parts); clock.mark("judged"); });
  kit.keys(view.root, { path: view.path, arrow: (down, right) => view.path.step(down + right) });
  const draw = (part) => () => part(view, parts);
  const clock = kit.clock(view.root, model, [
    [draw(drawTiles), "known"],
    [draw(drawPlace), "known", "place"],
    [draw(drawPanel), "known", "place"],
    [draw(drawVerdict), "known", "place", "judged"],
    [draw(drawOverall), "known"],
  ]);
  return clock.stop;
}

export default { render, wrongParts };
