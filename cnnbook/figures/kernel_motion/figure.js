// A kernel that moves in one, two or three directions. A signal is one row, a picture one slice,
// a volume a stack of slices: everything is a box [depth][row][column], so one drawing fits all.

const SLANT = 0.42; // how a slice of a volume is drawn; as in figure.py
const SLOPE = 0.62;
const GAP = 0.5;
const UNIT = 40; // a cell in the units of a drawing
const RING = [[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 1, 0]]; // the corners of a cell

const toBoxes = (text) => text.split("/").map((box) => box.split("|").map(kit.toTable));
const sizeOf = (box) => [box.length, box[0].length, box[0][0].length];
/** @type {(size: number[], value: (...place: number[]) => any) => any[][][]} */
const boxOf = ([depth, rows, columns], value) => Array.from({ length: depth }, (_, d) =>
  kit.tableOf(rows, columns, (i, j) => value(d, i, j)));
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

// A drawn box: set(place, text, share) writes a cell, frame(start, size) draws the window. A share
// is that of the strongest value, with its sign.
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
    set(place, text, share) {
      const { shape, label } = cells.get(String(place));
      shape.style.setProperty("--share", `${(40 * Math.abs(share)).toFixed(1)}%`);
      shape.setAttribute("class", share < 0 ? "minus" : "");
      kit.write(label, text);
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

// ---- what the reader does -----------------------------------------------------------------------

const AXES = ["depth", "height", "width"];
const CHOICE = ["directions", "channels", "inputs", "kernels"];

// What follows from the choice; drawn are, besides it, the position and the places visited.
function derive(model) {
  const directions = model.get("directions");
  const [inputs, kernels] = ["inputs", "kernels"].map((name) =>
    toBoxes(model.get(name)[directions - 1]));
  const channels = Math.min(model.get("channels"), inputs.length);
  const used = [inputs, kernels].map((boxes) => boxes.slice(0, channels));
  const output = convolve(used[0], used[1]);
  return {
    directions, channels, most: inputs.length, inputs: used[0], kernels: used[1], output,
    shape: sizeOf(output), kernel: sizeOf(kernels[0]), key: `${directions} ${channels}`,
  };
}

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "kernel_motion");
  const state = kit.derived(model, CHOICE, () => derive(model));
  const seen = {}; // which output cells were visited, for each choice
  const visited = () => (seen[state().key] ||= new Set());
  // A Python program may have left a position that only fits the choice before.
  const position = () => kit.inside(figure.get("position"), state().shape);
  const path = kit.walk({
    place: position, shape: () => state().shape, go: (place) => figure.put({ position: place }),
  });
  const choose = (changes) => figure.put(changes, () =>
    ({ channels: state().channels, position: position() }));
  return { ...figure, state, visited, position, path, choose };
}

function listen({ root, state, path }, { boards }, play) {
  const deeper = (by) => () => path.by(by, 0, 0);
  kit.keys(root, {
    path, play, arrow: (down, right) => path.by(0, down, right),
    more: { PageUp: deeper(-1), PageDown: deeper(1), "[": deeper(-1), "]": deeper(1) },
  });
  // Press or drag: on the output the cell itself, on an input the window around that cell.
  const [input, output] = [".motion-input .motion-cell", ".motion-output .motion-cell"];
  kit.follow(boards, (_, event) => {
    const cell = kit.under(boards, event, `${input}, ${output}`);
    if (!cell) return;
    const place = cell.dataset.place.split(",").map(Number);
    const middle = state().kernel.map((size) => -((size - 1) >> 1));
    path.to(cell.matches(input) ? plus(place, middle) : place);
  }, { hover: false, play });
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts({ root, word, position, path, choose }, play, fill) {
  const { element } = kit;
  const chosen = (changes) => () => { play.stop(); choose(changes); };
  const tabs = [1, 2, 3].map((directions) =>
    kit.button({ label: `${directions}D`, onClick: chosen({ directions }) }));
  const channelButtons = ["one_channel", "two_channels"].map((name, index) =>
    kit.button({ label: word(name), onClick: chosen({ channels: index + 1 }) }));
  const sliders = AXES.map((axis, index) => kit.slider({
    label: word(`axis_${axis}`), min: 1, max: 1,
    onInput: (value) => {
      play.stop();
      path.to(position().map((p, other) => (other === index ? value - 1 : p)));
    },
  }));
  const group = (name, ...nodes) =>
    element("div", { class: "motion-group", role: "group", "aria-label": name }, ...nodes);
  const boards = element("div", { class: "motion-boards", tabindex: 0, role: "group" });
  const [facts, sum, filled, help] = ["facts", "sum", "quiet", "quiet"].map((name) =>
    element("div", { class: `motion-${name}` }));
  const spoken = kit.live();
  root.append(
    element("div", { class: "motion-bar" },
      group(word("directions"), ...tabs), group(word("input"), ...channelButtons),
      group(word("move"), play.button("reset", play.rewind),
        play.button("previous", () => path.step(-1)), play.node,
        play.button("next", () => path.step(1)), play.button("all", fill))),
    boards,
    element("div", { class: "motion-sliders" }, ...[2, 1, 0].map((axis) => sliders[axis].node)),
    element("div", {}, element("div", { class: "motion-title" }, word("sum")), sum),
    facts, element("div", { class: "motion-bar" }, spoken, filled), help);
  /** @type {Record<string, ReturnType<typeof drawing>[]>} */
  const drawn = { input: [], kernel: [], output: [] }; // made by drawBoards
  return { tabs, channelButtons, sliders, boards, drawn, facts, sum, filled, help, spoken };
}

// ---- the drawing --------------------------------------------------------------------------------

const largestOf = (boxes) => kit.largest(boxes.flat(3));

function drawBoards({ word, state }, { boards, drawn }) {
  const { element } = kit;
  const { directions, inputs, kernels, output } = state();
  const kinds = { input: inputs, kernel: kernels, output: [output] };
  for (const [kind, boxes] of Object.entries(kinds)) {
    const strongest = largestOf(boxes);
    drawn[kind] = boxes.map((box) => drawing(box, directions === 3, kind));
    if (kind !== "output") boxes.forEach((box, c) => places(sizeOf(box)).forEach((place) => {
      const value = box[place[0]][place[1]][place[2]];
      drawn[kind][c].set(place, kit.format(value), value / strongest);
    }));
  }
  const name = (channel, count) => (count > 1
    ? [element("div", { class: "motion-quiet" }, word("channel", { number: channel }))] : []);
  boards.className = `motion-boards motion-${directions}d`;
  boards.setAttribute("aria-label", `${directions}D: ${word("move")}`);
  boards.replaceChildren(...Object.keys(kinds).map((kind) =>
    element("section", { class: `motion-part motion-${kind}-part` },
      element("div", { class: "motion-title" }, word(kind)),
      element("div", { class: "motion-row" }, ...drawn[kind].map((one, channel) =>
        element("div", {}, ...name(channel, drawn[kind].length), one.node))))));
}

function drawControls({ state }, { tabs, channelButtons, sliders }) {
  const { directions, channels, most, shape } = state();
  const press = (one, pressed) => one.setAttribute("aria-pressed", String(pressed));
  tabs.forEach((tab, index) => press(tab, index + 1 === directions));
  channelButtons.forEach((one, index) => {
    press(one, index + 1 === channels);
    one.disabled = index + 1 > most;
  });
  sliders.forEach(({ node, input }, axis) => {
    node.hidden = axis < 3 - directions;
    input.max = shape[axis];
  });
}

function drawFacts({ word, state }, { facts, help }) {
  const { element } = kit;
  const { directions, channels, inputs, shape, kernel } = state();
  const own = (size) => size.slice(3 - directions);
  const tuple = (...numbers) => `(${numbers.join(", ")}${numbers.length > 1 ? "" : ","})`;
  const code = (text) => element("code", {}, text);
  const count = places(shape).length;
  facts.replaceChildren(
    element("div", {}, word("places", { shape: own(shape).join(" × "), count })),
    element("div", {}, code(
      `nn.Conv${directions}d(${channels}, 1, kernel_size=${tuple(...own(kernel))})`)),
    element("div", {}, code(`x ${tuple(1, channels, ...own(sizeOf(inputs[0])))}`), " · ",
      code(`weight ${tuple(1, channels, ...own(kernel))}`), " → ",
      code(`y ${tuple(1, 1, ...own(shape))}`)));
  help.textContent = word(`help_${directions}`);
}

// The frames, and the output as far as it has been visited.
function drawWindow({ word, state, position, visited }, { boards, drawn, sliders, filled }) {
  const { output, shape, kernel } = state();
  const [place, cells] = [position(), places(shape)];
  const strongest = largestOf([output]);
  visited().add(String(place));
  drawn.input.forEach((one) => one.frame(place, kernel));
  drawn.output[0].frame(place, [1, 1, 1]);
  boards.style.setProperty("--at", place[2]);
  cells.forEach((cell) => {
    const value = output[cell[0]][cell[1]][cell[2]];
    const known = visited().has(String(cell));
    drawn.output[0].set(cell, known ? kit.format(value) : "·", known ? value / strongest : 0);
  });
  sliders.forEach((slider, axis) => slider.set(place[axis] + 1));
  filled.textContent = word("seen", { done: visited().size, count: cells.length });
}

function drawSum({ word, state, position }, { sum, spoken }, play) {
  const { element, bracketed, format } = kit;
  const { directions, inputs, kernels, output } = state();
  const place = position();
  const value = format(output[place[0]][place[1]][place[2]]);
  const parts = inputs.map((box, c) => termsAt(box, kernels[c], place));
  const quiet = (channel) =>
    element("span", { class: "motion-quiet" }, `${word("channel", { number: channel })}: `);
  const term = ([x, w]) => element("span", { class: x * w ? "term" : "term zero" },
    element("span", { class: "x" }, bracketed(x)), "·",
    element("span", { class: "w" }, bracketed(w)));
  const whole = element("b", { class: "motion-total" }, value);
  const lines = parts.map((terms, c) => element("div", {},
    parts.length > 1 ? quiet(c) : "",
    ...terms.flatMap((one, index) => [index ? " + " : "", term(one)]),
    " = ", parts.length > 1 ? element("b", {}, format(total(terms))) : whole));
  if (parts.length > 1) {
    const sums = parts.map((terms) => bracketed(total(terms))).join(" + ");
    lines.push(element("div", {}, sums, " = ", whole));
  }
  sum.replaceChildren(...lines);
  const shown = place.slice(3 - directions).map((p) => p + 1).join(", ");
  spoken.setAttribute("aria-live", play.playing() ? "off" : "polite");
  kit.write(spoken, word("here", { place: shown, value }));
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const { visited, path, state } = view;
  const play = kit.player({
    word: view.word, path, onChange: () => clock.mark("playing"),
    rewind: () => { visited().clear(); path.first(); clock.mark("visited"); },
    pause: () => kit.clamp(14000 / places(state().shape).length, 250, 900),
  });
  const parts = makeParts(view, play, () => {
    places(state().shape).forEach((place) => visited().add(String(place)));
    clock.mark("visited");
  });
  listen(view, parts, play);
  const draw = (part) => () => part(view, parts, play);
  const clock = kit.clock(view.root, model, [
    [draw(drawBoards), ...CHOICE],
    [draw(drawControls), ...CHOICE],
    [draw(drawFacts), ...CHOICE],
    [draw(drawWindow), ...CHOICE, "position", "visited"],
    [draw(drawSum), ...CHOICE, "position", "playing"],
  ]);
  return () => { play.stop(); clock.stop(); };
}

export default { render, convolve };
