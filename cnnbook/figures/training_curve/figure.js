// Training curves: loss and accuracy over the epochs. They fill while Python trains; afterwards
// the reader moves along them with the arrow keys, the slider or the pointer.

const BOX = { width: 420, height: 270, left: 48, right: 12, top: 30, bottom: 38 };
const RIGHT = BOX.width - BOX.right;
const BOTTOM = BOX.height - BOX.bottom;
const ROWS = ["points", "validation", "total"]; // the traits that the axes depend on
const HEADS = ["epoch", "loss", "accuracy", "learning_rate"];

// Round numbers that cut the range from `low` to `high` into about `count` parts.
function ticks(low, high, count) {
  const rough = Math.max(high - low, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const first = Math.ceil(low / size - 1e-9);
  const last = Math.floor(high / size + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) },
    (_, index) => Number(((first + index) * size).toPrecision(12)));
}

// The range of an axis that holds all values: widened to round numbers, accuracy never above 1.
function range(values, most) {
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const size = Math.max(high - low, 0.02);
  const marks = ticks(low - size, high + size, 15);
  const under = marks.filter((mark) => mark <= low && mark < most).pop();
  const over = marks.find((mark) => mark >= high && mark > under);
  return [Math.max(0, under), Math.min(most, over)];
}

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "training_curve");
  const { get, put } = figure;
  // -1 stands for the newest point; a run that starts again may have fewer points than before.
  const position = () => {
    const [place, last] = [get("position"), get("points").length - 1];
    return place < 0 || place > last ? last : place;
  };
  const here = () => get("points")[position()];
  // The validation that the reader can know of at this point: the last one before it.
  const known = () => here()
    && get("validation").filter(([epoch]) => epoch <= here()[0] + 1e-6).pop();
  const x = (epoch) => BOX.left + (epoch / get("total")) * (RIGHT - BOX.left);
  const axisOf = (column, most) => kit.derived(model, ROWS, () => {
    const rows = [...get("points"), ...get("validation")];
    const [low, high] = range(rows.map((row) => row[column]), most);
    const height = (BOTTOM - BOX.top) / (high - low || 1);
    return { low, high, y: (value) => BOX.top + (high - value) * height };
  });
  const path = kit.walk({
    place: () => [position()], shape: () => [get("points").length],
    go: ([place]) => { if (here()) put({ position: place }); },
  });
  return { ...figure, position, here, known, x, axisOf, path };
}

function listen({ root, get, put, x, path }, { panels }) {
  kit.keys(root, { path, arrow: (down, right) => path.by(right - down) });
  panels.forEach(({ picture }) => {
    kit.follow(picture, ([, right]) => {
      const far = get("points").map(([epoch]) => Math.abs(x(epoch) - right * BOX.width));
      path.to([far.indexOf(Math.min(...far))]);
    }, { hover: false });
    picture.addEventListener("dblclick", () => put({ position: -1 }));
  });
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts({ root, word, axisOf, path }) {
  const { element, svg } = kit;
  const panels = [["loss", 1, Infinity], ["accuracy", 2, 1]].map(([name, column, most]) => {
    const [curves, cursor] = [svg("g"), svg("g")];
    const picture = svg("svg", {
      viewBox: `0 0 ${BOX.width} ${BOX.height}`, "aria-hidden": "true",
    }, curves, cursor);
    const node = element("div", {
      class: "curve-panel", tabindex: 0, role: "group",
      "aria-label": `${word(name)}. ${word("help")}`,
    }, picture);
    return { name, column, axis: axisOf(column, most), node, picture, curves, cursor };
  });
  const slider = kit.slider({
    label: word("epoch"), min: 0, max: 0, onInput: (place) => path.to([place]),
  });
  const table = element("table", { class: "curve-table" });
  const status = element("div", { class: "curve-help" });
  const spoken = kit.live();
  spoken.classList.add("curve-spoken");
  const wide = (...children) => element("div", { class: "curve-wide" }, ...children);
  root.append(...panels.map((panel) => panel.node), wide(slider.node), wide(table),
    wide(status, spoken));
  return { panels, slider, table, status, spoken };
}

// ---- the drawing --------------------------------------------------------------------------------

const text = (name, attributes, ...children) =>
  kit.svg("text", { class: `curve-${name}`, ...attributes }, ...children);
const upright = (name, x) =>
  kit.svg("line", { x1: x, x2: x, y1: BOX.top, y2: BOTTOM, class: `curve-${name}` });

// Lines across, the numbers at both axes, and what they count.
function axes({ word, get, x }, { name, axis }) {
  const { low, high, y } = axis();
  const decimals = high - low < 0.1 ? 3 : 2;
  const across = ticks(low, high, 5).flatMap((mark) => [
    kit.svg("line", { x1: BOX.left, x2: RIGHT, y1: y(mark), y2: y(mark), class: "curve-grid" }),
    text("quiet", { x: BOX.left - 6, y: y(mark) + 4, "text-anchor": "end" },
      String(Number(mark.toFixed(decimals)))),
  ]);
  const below = ticks(0, get("total"), 6).map((mark) =>
    text("quiet", { x: x(mark), y: BOTTOM + 17, "text-anchor": "middle" }, String(mark)));
  return [text("title", { x: 4, y: 18 }, word(name)), ...across, ...below,
    text("quiet", { x: RIGHT, y: BOX.height - 4, "text-anchor": "end" }, word("epoch"))];
}

// The epoch whose weights the model holds.
function keptAt({ word, x }, kept) {
  const anchor = x(kept) > BOX.width / 2 ? "end" : "start";
  return [upright("kept", x(kept)),
    text("quiet", { x: x(kept), y: BOX.top - 6, "text-anchor": anchor }, word("kept"))];
}

// The names of the curves, in the corner that curves of this kind leave free.
function labels({ word }, { column }, names) {
  return names.map((name, index) => text(`name curve-${name}`, {
    x: RIGHT - 8, "text-anchor": "end",
    y: column === 1 ? BOX.top + 20 + 19 * index : BOTTOM - 10 - 19 * (names.length - 1 - index),
  }, `${name === "training" ? "—" : "●"} ${word(name)}`));
}

function drawCurves(view, { panels }) {
  const { get, x } = view;
  const [points, validation, kept] = ["points", "validation", "kept"].map(get);
  for (const panel of panels) {
    const { y } = panel.axis();
    const line = (name, rows) => kit.svg("path", {
      class: `curve-line curve-${name}`,
      d: rows.map((row, index) => `${index ? "L" : "M"}${x(row[0]).toFixed(1)} ${
        y(row[panel.column]).toFixed(1)}`).join(""),
    });
    panel.curves.replaceChildren(...axes(view, panel),
      ...(kept && validation.length ? keptAt(view, kept) : []),
      line("training", points), line("validation", validation),
      ...validation.map((row) => kit.svg("circle",
        { cx: x(row[0]), cy: y(row[panel.column]), r: 4, class: "curve-dot" })),
      ...labels(view, panel, ["training", ...(validation.length ? ["validation"] : [])]));
  }
}

function drawCursor({ here, known, x }, { panels }) {
  for (const { column, cursor, axis } of panels) {
    const ring = (name, row) => (row ? [kit.svg("circle", {
      cx: x(row[0]), cy: axis().y(row[column]), r: 6, class: `curve-ring curve-${name}`,
    })] : []);
    cursor.replaceChildren(...(here() ? [upright("cursor", x(here()[0]))] : []),
      ...ring("validation", known()), ...ring("training", here()));
  }
}

// Epoch, loss and accuracy of a row, and the learning rate where it has one, as texts.
const written = (row = []) => Object.fromEntries(HEADS.slice(0, row.length).map((name, index) =>
  [name, row[index].toFixed([2, 3, 3, 4][index])]));

function drawNumbers({ word, get, position, here, known }, { slider, table }) {
  const { element } = kit;
  const line = (name, row) => element("tr", {},
    element("th", { class: `curve-rowname curve-${name}`, scope: "row" }, word(name)),
    ...HEADS.map((head) => element("td", {}, written(row)[head] ?? "–")));
  table.replaceChildren(
    element("tr", {}, element("td"),
      ...HEADS.map((head) => element("th", { scope: "col" }, word(head)))),
    line("training", here()),
    ...(get("validation").length ? [line("validation", known())] : []));
  slider.input.max = String(Math.max(0, get("points").length - 1));
  slider.input.disabled = !here();
  slider.set(Math.max(0, position()));
  kit.write(slider.node.querySelector("output"), written(here()).epoch ?? "–");
}

function drawWords({ word, get, here, known }, { slider, status, spoken }) {
  const sentences = [["here", here()], ["here_validation", known()]].filter(([, row]) => row)
    .map(([name, row]) => word(name, written(row)));
  const said = sentences.join(" ") || word("waiting");
  slider.input.setAttribute("aria-valuetext", said);
  const done = written(here()).epoch ?? "0";
  kit.write(status, get("running") ? word("progress", { done, total: get("total") })
    : word("help"));
  if (!get("running")) kit.write(spoken, said); // not at every step of a run
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const parts = makeParts(view);
  listen(view, parts);
  const draw = (part) => () => part(view, parts);
  const clock = kit.clock(view.root, model, [
    [draw(drawCurves), ...ROWS, "kept"],
    [draw(drawCursor), ...ROWS, "position"],
    [draw(drawNumbers), ...ROWS, "position"],
    [draw(drawWords), ...ROWS, "position", "running"],
  ]);
  return clock.stop;
}

export default { render, ticks, range };
