// A kernel that moves in one, two or three directions. A signal is one row, a picture one slice,
// a volume a stack of slices: everything is a box [depth][row][column], so one drawing fits all.

const SLANT = 0.42; // how a slice of a volume is drawn; as in kernel_motion.py
const SLOPE = 0.62;
const GAP = 0.5;
const UNIT = 40; // a cell in the units of a drawing
const RING = [[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 1, 0]]; // the corners of a cell

const toBoxes = (text) => text.split("/").map((box) => box.split("|").map(kit.toTable));
const sizeOf = (box) => [box.length, box[0].length, box[0][0].length];
const boxOf = ([depth, rows, columns], value) => Array.from({ length: depth }, (_, d) =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => value(d, i, j))));
const places = (size) => boxOf(size, (...place) => place).flat(2);
const plus = (one, other) => one.map((value, axis) => value + other[axis]);

// One product a cell of one channel's kernel, when it lies at `place`.
const termsAt = (box, kernel, place) => places(sizeOf(kernel)).map(([d, i, j]) =>
  [box[place[0] + d][place[1] + i][place[2] + j], kernel[d][i][j]]);
const total = (terms) => terms.reduce((sum, [x, w]) => sum + x * w, 0);

// The output as a box: at every place, all products of all channels added up; the same sums as
// cnnbook.convolution.conv1d, conv2d and conv3d.
function convolve(inputs, kernels) {
  const [n, k] = [sizeOf(inputs[0]), sizeOf(kernels[0])];
  return boxOf(n.map((size, axis) => size - k[axis] + 1), (...place) =>
    inputs.reduce((sum, box, c) => sum + total(termsAt(box, kernels[c], place)), 0));
}

// A drawn box: set(place, text, share) writes a cell, frame(start, size) draws the window.
function drawing(box, deep, kind) {
  const size = sizeOf(box);
  const corner = (d, i, j) => (deep
    ? [j + SLANT * (size[1] - i), SLOPE * i + d * (SLOPE * size[1] + GAP)] : [j, i]);
  const points = (corners) => corners.map((place) =>
    corner(...place).map((value) => (value * UNIT).toFixed(1)).join(",")).join(" ");
  const far = corner(size[0] - 1, size[1], 0)[1];
  const width = size[2] + (deep ? SLANT * size[1] : 0);
  const cells = new Map();
  const cellLayer = kit.svg("g");
  const frameLayer = kit.svg("g", { class: "motion-frame" });
  for (const place of places(size)) {
    const corners = RING.map((step) => corner(...plus(place, step)));
    const [x, y] = [0, 1].map((axis) => corners.reduce((sum, c) => sum + c[axis] / 4, 0) * UNIT);
    const shape = kit.svg("polygon", { points: points(RING.map((step) => plus(place, step))) });
    const label = kit.svg("text", { x, y });
    cells.set(String(place), { shape, label });
    cellLayer.append(kit.svg("g", { class: "motion-cell", "data-place": place }, shape, label));
  }
  for (let d = 0; deep && d < size[0]; d += 1) { // the slice's number, left of its last row
    const y = UNIT * corner(d, size[1] - 0.5, 0)[1];
    cellLayer.append(kit.svg("text", { class: "motion-slice", x: -6, y }, d + 1));
  }
  const left = deep ? 13 : 3;
  const node = kit.svg("svg", {
    class: `motion-board motion-${kind}`, "aria-hidden": "true",
    viewBox: `${-left} -3 ${width * UNIT + left + 3} ${far * UNIT + 6}`,
  }, cellLayer, frameLayer);
  node.style.setProperty("--wide", (width + (left + 3) / UNIT).toFixed(3));
  return {
    node,
    set(place, text, share = 0, sign = "") {
      const { shape, label } = cells.get(String(place));
      shape.style.setProperty("--share", `${(40 * share).toFixed(1)}%`);
      shape.setAttribute("class", sign);
      label.textContent = text;
      label.setAttribute("class", text.length > 3 ? "motion-long" : "");
    },
    frame(start, [depth, rows, columns]) {
      const ring = [[0, 0], [0, columns], [rows, columns], [rows, 0]];
      const slices = Array.from({ length: depth }, (_, d) =>
        ring.map(([i, j]) => plus(start, [d, i, j])));
      const edges = deep && depth > 1 ? ring.map((_, corner) => [slices[0], slices[depth - 1]]
        .map((slice) => slice[corner])) : [];
      frameLayer.replaceChildren(
        ...edges.map((edge) => kit.svg("polyline", { points: points(edge) })),
        ...slices.map((slice) => kit.svg("polygon", { points: points(slice) })));
    },
  };
}

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "kernel_motion");
  const { element, format } = kit;
  const AXES = ["depth", "height", "width"];
  const seen = {}; // which output cells were visited, for each choice
  let [playing, state, drawn] = [null, null, {}];

  function derive() {
    const directions = model.get("directions");
    const [inputs, kernels] = ["inputs", "kernels"].map((name) =>
      toBoxes(model.get(name)[directions - 1]));
    const channels = Math.min(model.get("channels"), inputs.length);
    const used = [inputs, kernels].map((boxes) => boxes.slice(0, channels));
    const output = convolve(...used);
    return {
      directions, channels, most: inputs.length, inputs: used[0], kernels: used[1], output,
      shape: sizeOf(output), kernel: sizeOf(kernels[0]), key: `${directions} ${channels}`,
    };
  }
  // A Python program may have left a position that only fits the choice before.
  const position = () => model.get("position").map((p, axis) =>
    Math.max(0, Math.min(p, state.shape[axis] - 1)));
  const visited = () => (seen[state.key] ||= new Set());

  // ---- the parts ------------------------------------------------------------------------------
  const tabs = [1, 2, 3].map((directions) => kit.button({
    label: `${directions}D`, onClick: () => choose({ directions }),
  }));
  const channelButtons = ["one_channel", "two_channels"].map((name, index) => kit.button({
    label: word(name), onClick: () => choose({ channels: index + 1 }),
  }));
  const sliders = AXES.map((axis, index) => kit.slider({
    label: word(`axis_${axis}`), min: 1, max: 1,
    onInput: (value) => { stop(); moveTo(position().map((p, a) => (a === index ? value - 1 : p))); },
  }));
  const play = kit.button({ label: word("play"), onClick: () => (playing ? stop() : start()) });
  const button = (name, go) => kit.button({ label: word(name), onClick: () => { stop(); go(); } });
  const group = (name, ...nodes) =>
    element("div", { class: "motion-group", role: "group", "aria-label": name }, ...nodes);
  const boards = element("div", { class: "motion-boards", tabindex: 0, role: "group" });
  const [facts, sum, filled, help] = ["facts", "sum", "quiet", "quiet"].map((name) =>
    element("div", { class: `motion-${name}` }));
  const spoken = kit.live();
  root.append(
    element("div", { class: "motion-bar" },
      group(word("directions"), ...tabs), group(word("input"), ...channelButtons),
      group(word("move"), button("reset", reset), button("previous", () => step(-1)), play,
        button("next", () => step(1)), button("all", fill))),
    boards,
    element("div", { class: "motion-sliders" }, ...[2, 1, 0].map((axis) => sliders[axis].node)),
    element("div", {}, element("div", { class: "motion-title" }, word("sum")), sum),
    facts, element("div", { class: "motion-bar" }, spoken, filled), help);

  // ---- what the reader does -------------------------------------------------------------------
  function choose(changes) {
    stop();
    Object.entries(changes).forEach(([name, value]) => model.set(name, value));
    state = derive();
    if (state.channels !== model.get("channels")) model.set("channels", state.channels);
    model.set("position", position());
    model.save_changes();
  }
  function moveTo(place) {
    const inside = place.map((p, axis) => Math.max(0, Math.min(p, state.shape[axis] - 1)));
    visited().add(String(inside));
    model.set("position", inside);
    model.save_changes();
    move();
  }
  function step(by) { // in reading order
    const all = places(state.shape);
    const here = all.findIndex((place) => String(place) === String(position()));
    moveTo(all[Math.max(0, Math.min(here + by, all.length - 1))]);
  }
  function reset() { visited().clear(); moveTo([0, 0, 0]); }
  function fill() { places(state.shape).forEach((place) => visited().add(String(place))); move(); }
  const atEnd = () => String(position()) === String(state.shape.map((size) => size - 1));
  function start() {
    if (kit.reducedMotion()) { step(1); return; }
    if (atEnd()) reset();
    const pause = Math.max(250, Math.min(900, 14000 / places(state.shape).length));
    playing = setInterval(() => { step(1); if (atEnd()) stop(); }, pause);
    play.textContent = word("pause");
    move();
  }
  function stop() {
    clearInterval(playing);
    playing = null;
    play.textContent = word("play");
  }
  const KEYS = {
    ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
    PageUp: [-1, 0, 0], PageDown: [1, 0, 0], "[": [-1, 0, 0], "]": [1, 0, 0],
  };
  root.addEventListener("keydown", (event) => {
    if (event.target.matches(event.key === " " ? "input, button" : "input")) return;
    if (KEYS[event.key]) { stop(); moveTo(plus(position(), KEYS[event.key])); }
    else if (event.key === "Home") { stop(); moveTo([0, 0, 0]); }
    else if (event.key === "End") { stop(); moveTo([Infinity, Infinity, Infinity]); }
    else if (event.key === " ") play.click();
    else return;
    event.preventDefault();
  });
  // Press or drag: on the output the cell itself, on an input the window around that cell.
  const point = (event) => {
    const cell = event.target.closest(".motion-input .motion-cell, .motion-output .motion-cell");
    if (!cell || (event.type === "pointermove" && !(event.buttons & 1))) return;
    const half = cell.closest(".motion-input") ? state.kernel.map((k) => -((k - 1) >> 1)) : [0, 0, 0];
    stop();
    moveTo(plus(cell.dataset.place.split(",").map(Number), half));
  };
  boards.addEventListener("pointerdown", point);
  boards.addEventListener("pointermove", point);

  // ---- the drawing ----------------------------------------------------------------------------
  const bracketed = (v) => (v < 0 ? `(${format(v)})` : format(v));
  const largest = (boxes) => Math.max(1e-12, ...boxes.flat(3).map(Math.abs));

  function drawAll() {
    const { directions, channels, most, inputs, kernels, output, shape, kernel } = state;
    const deep = directions === 3;
    const board = (kind, boxes) => boxes.map((box) => drawing(box, deep, kind));
    drawn = {
      input: board("input", inputs), kernel: board("kernel", kernels), output: board("output", [output]),
    };
    for (const [kind, boxes] of [["input", inputs], ["kernel", kernels]]) {
      const strongest = largest(boxes);
      boxes.forEach((box, c) => places(sizeOf(box)).forEach((place) => {
        const value = box[place[0]][place[1]][place[2]];
        drawn[kind][c].set(place, format(value), Math.abs(value) / strongest, value < 0 ? "minus" : "");
      }));
    }
    boards.className = `motion-boards motion-${directions}d`;
    boards.setAttribute("aria-label", `${directions}D: ${word("move")}`);
    boards.replaceChildren(...["input", "kernel", "output"].map((kind) =>
      element("section", { class: `motion-part motion-${kind}-part` },
        element("div", { class: "motion-title" }, word(kind)),
        element("div", { class: "motion-row" }, ...drawn[kind].map((one, c) => element("div", {},
          ...(drawn[kind].length > 1
            ? [element("div", { class: "motion-quiet" }, word("channel", { number: c }))] : []),
          one.node))))));
    tabs.forEach((tab, index) => tab.setAttribute("aria-pressed", index + 1 === directions));
    channelButtons.forEach((one, index) => {
      one.setAttribute("aria-pressed", index + 1 === channels);
      one.disabled = index + 1 > most;
    });
    sliders.forEach(({ node, input }, axis) => {
      node.hidden = axis < 3 - directions;
      input.max = shape[axis];
    });
    const own = (size) => size.slice(3 - directions);
    const tuple = (...numbers) => `(${numbers.join(", ")}${numbers.length > 1 ? "" : ","})`;
    const code = (text) => element("code", {}, text);
    const count = shape.reduce((product, size) => product * size);
    facts.replaceChildren(
      element("div", {}, word("places", { shape: own(shape).join(" × "), count })),
      element("div", {}, code(
        `nn.Conv${directions}d(${channels}, 1, kernel_size=${tuple(...own(kernel))})`)),
      element("div", {}, code(`x ${tuple(1, channels, ...own(sizeOf(inputs[0])))}`), " · ",
        code(`weight ${tuple(1, channels, ...own(kernel))}`), " → ",
        code(`y ${tuple(1, 1, ...own(shape))}`)));
    help.textContent = word(`help_${directions}`);
    drawWindow();
  }
  function drawWindow() {
    const { directions, inputs, kernels, output, shape, kernel } = state;
    const place = position();
    const strongest = largest([output]);
    visited().add(String(place));
    drawn.input.forEach((one) => one.frame(place, kernel));
    drawn.output[0].frame(place, [1, 1, 1]);
    boards.style.setProperty("--at", place[2]);
    places(shape).forEach((cell) => {
      const value = output[cell[0]][cell[1]][cell[2]];
      const known = visited().has(String(cell));
      drawn.output[0].set(cell, known ? format(value) : "·", known ? Math.abs(value) / strongest : 0,
        value < 0 ? "minus" : "");
    });
    const parts = inputs.map((box, c) => termsAt(box, kernels[c], place));
    const lines = parts.map((terms, c) => element("div", {},
      ...(parts.length > 1
        ? [element("span", { class: "motion-quiet" }, `${word("channel", { number: c })}: `)] : []),
      ...terms.flatMap(([x, w], index) => [index ? " + " : "", element("span",
        { class: x * w ? "term" : "term zero" }, element("span", { class: "x" }, bracketed(x)), "·",
        element("span", { class: "w" }, bracketed(w)))]),
      " = ", element("b", {}, format(total(terms)))));
    const value = output[place[0]][place[1]][place[2]];
    if (parts.length > 1) {
      lines.push(element("div", {}, parts.map((terms) => bracketed(total(terms))).join(" + "), " = ",
        element("b", { class: "motion-total" }, format(value))));
    } else lines[0].lastChild.className = "motion-total";
    sum.replaceChildren(...lines);
    sliders.forEach((slider, axis) => slider.set(place[axis] + 1));
    const shown = place.slice(3 - directions).map((p) => p + 1).join(", ");
    spoken.setAttribute("aria-live", playing ? "off" : "polite");
    spoken.textContent = word("here", { place: shown, value: format(value) });
    filled.textContent = word("seen", { done: visited().size, count: places(shape).length });
  }
  state = derive();
  drawAll();
  const redraw = kit.oncePerFrame(drawAll);
  const move = kit.oncePerFrame(drawWindow);
  const undo = [
    kit.followTheme(root, redraw),
    kit.onChange(model, ["directions", "channels", "inputs", "kernels"],
      () => { state = derive(); redraw(); }),
    kit.onChange(model, ["position"], move),
  ];
  return () => { stop(); undo.forEach((stopListening) => stopListening()); };
}

export default { render, convolve };
