// The pooling explorer: a window moves over a picture, the winner of each window is marked, and
// the picture can be shifted to see which output cells change. Up to 14 × 14 every cell shows its
// number; larger inputs are drawn as pictures.

const TRAITS = ["image", "kind", "window", "stride", "ceil", "shift", "gradient"];

// How many windows there are along an axis. Without `ceil` a window that hangs over the edge is
// dropped; with it it counts, as long as it starts inside.
function places(size, window, stride, ceil) {
  const steps = (size - window) / stride;
  const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  return ceil && (count - 1) * stride >= size ? count - 1 : count;
}

// The cells under window (row, column), [[row, column, value], …]; what hangs over is left out.
function under(image, row, column, window, stride) {
  const found = [];
  for (let i = row * stride; i < row * stride + window && i < image.length; i += 1) {
    for (let j = column * stride; j < column * stride + window && j < image[0].length; j += 1) {
      found.push([i, j, image[i][j]]);
    }
  }
  return found;
}

// The first of the largest: that is the one torch hands the gradient to.
const winner = (cells) => cells.reduce((best, cell) => (cell[2] > best[2] ? cell : best));

function pool(image, kind, window, stride, ceil) {
  const [rows, columns] = [image.length, image[0].length].map(
    (size) => places(size, window, stride, ceil));
  return kit.tableOf(rows, columns, (row, column) => {
    const cells = under(image, row, column, window, stride);
    if (kind === "max") return winner(cells)[2];
    return cells.reduce((sum, cell) => sum + cell[2], 0) / cells.length;
  });
}

// What each input cell gets when every output cell hands back 1.
function gradientOf(image, kind, window, stride, ceil) {
  const gradient = image.map((line) => line.map(() => 0));
  pool(image, kind, window, stride, ceil).forEach((line, row) => line.forEach((_, column) => {
    const cells = under(image, row, column, window, stride);
    const takers = kind === "max" ? [winner(cells)] : cells;
    for (const [i, j] of takers) gradient[i][j] += 1 / takers.length;
  }));
  return gradient;
}

const shifted = (image, [down, right]) => image.map((line, row) =>
  line.map((_, column) => image[row - down]?.[column - right] ?? 0));

// All that is drawn follows from the traits; pairs are [rows, columns].
function derive(model) {
  const original = kit.toTable(model.get("image"));
  const [kind, window, stride, ceil, shift] = TRAITS.slice(1, 6).map((name) => model.get(name));
  const image = shifted(original, shift);
  const [output, before] = [image, original].map((one) => pool(one, kind, window, stride, ceil));
  const [size, shape] = [image, output].map((table) => [table.length, table[0].length]);
  const numbers = Math.max(...size) <= 14;
  return {
    original, image, kind, window, stride, ceil, shift, output, size, shape, numbers, before,
    changed: output.map((line, row) => line.map((v, column) => v !== before[row][column])),
    left: size.map((n, axis) => Math.max(0, n - (shape[axis] - 1) * stride - window)),
    gradient: model.get("gradient") ? gradientOf(image, kind, window, stride, ceil) : null,
    winners: new Set(!numbers || kind !== "max" ? [] : output.flatMap((line, row) =>
      line.map((_, column) => String(winner(under(image, row, column, window, stride))
        .slice(0, 2))))),
  };
}

// ---- what the reader does -----------------------------------------------------------------------

// A view is what kit.figure gives, state() and the path of the window; here is how it is changed.
function makeView({ model, el }) {
  const figure = kit.figure(el, model, "pooling_explorer");
  const state = kit.derived(model, TRAITS, () => derive(model));
  // Where the window is; a Python program may have left a position of another output.
  const position = () => kit.inside(figure.get("position"), state().shape);
  const change = (changes) => figure.put(changes, () => ({ position: position() }));
  const path = kit.walk({
    place: position, shape: () => state().shape, go: (place) => change({ position: place }),
  });
  const cameIn = (row, column) => {
    const { original, shift: [down, right] } = state();
    return original[row - down]?.[column - right] === undefined;
  };
  function edit(row, column, value) {
    if (cameIn(row, column)) return;
    const { original, shift: [down, right] } = state();
    const copy = original.map((line) => [...line]);
    copy[row - down][column - right] = value;
    change({ image: kit.toRows(copy) });
  }
  return { ...figure, state, position, change, path, cameIn, edit };
}

// The window follows the pointer: over the input the window that starts there, else its own cell.
function listen({ root, state, path }, { input, output }, play) {
  kit.keys(root, { path, play });
  const cell = (shares, [rows, columns]) =>
    [Math.floor(shares[0] * rows), Math.floor(shares[1] * columns)];
  kit.follow(input.grid, (shares) =>
    path.to(cell(shares, state().size).map((p) => Math.floor(p / state().stride))), { play });
  kit.follow(output.grid, (shares) => path.to(cell(shares, state().shape)), { play });
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts(view, play) {
  const { element } = kit;
  const { root, word, path, edit } = view;
  const box = (name, ...children) => element("div", { class: `pool-${name}` }, ...children);
  const board = (name, ...layers) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const [frame, title] = [box("frame"), box("title")];
    const grid = box("grid", canvas, ...layers, frame);
    const focus = element("div", { class: "pool-board", tabindex: 0, role: "group" }, grid);
    const node = element("section", { class: `pool-part pool-${name}` }, title, focus);
    return { canvas, frame, grid, focus, title, node };
  };
  const inputCells = kit.cells(edit);
  const marks = element("div", { class: "pool-marks", "aria-hidden": "true" });
  const dropped = [box("dropped"), box("dropped")];
  const outputTexts = element("div", { class: "cnnbook-cells pool-texts" });
  const input = board("input", inputCells.node, marks, ...dropped);
  const output = board("output", outputTexts);
  const [sum, formula, note] = [box("sum"), box("quiet"), box("quiet")];
  const effect = element("div", { class: "pool-effect", role: "status", "aria-live": "polite" });
  const spoken = kit.live();
  const controls = makeControls(view);
  root.append(input.node, output.node,
    element("section", { class: "pool-part pool-reading" }, sum, effect, note, formula, spoken),
    element("section", { class: "pool-part pool-controls" },
      box("buttons", play.button("first", path.first),
        play.button("previous", () => path.step(-1)), play.node,
        play.button("next", () => path.step(1))),
      ...Object.values(controls).map((one) => one.node)),
    box("help pool-quiet", word("help")));
  return { input, output, inputCells, outputTexts, marks, dropped, sum, formula, note, effect,
    spoken, controls };
}

// By the name of what each shows; drawControls sets them.
function makeControls({ word, get, state, change }) {
  const select = (name, options, onInput) => kit.select({ label: word(name), options, onInput });
  const slider = (name, min, max, changes) =>
    kit.slider({ label: word(name), min, max, onInput: (value) => change(changes(value)) });
  const tick = (name) =>
    kit.tick({ label: word(name), onInput: (ticked) => change({ [name]: ticked }) });
  const keys = Object.keys(get("pictures"));
  return {
    kind: select("kind", ["max", "average"].map((kind) => [kind, word(kind)]),
      (kind) => change({ kind })),
    picture: select("picture", [["", word("own_picture")], ...keys.map((key) => [key, key])],
      (key) => change({ image: get("pictures")[key] })),
    window: slider("window", 2, 4, (value) => ({ window: value })),
    stride: slider("stride", 1, 4, (value) => ({ stride: value })),
    right: slider("right", -4, 4, (value) => ({ shift: [state().shift[0], value] })),
    down: slider("down", -4, 4, (value) => ({ shift: [value, state().shift[1]] })),
    ceil: tick("ceil"),
    gradient: tick("gradient"),
  };
}

// ---- the drawing --------------------------------------------------------------------------------

// A board is a square; its grid takes the share of it that its cells need.
function fit({ word, state }, { grid, title, focus }, name, [rows, columns]) {
  const sizes = { most: Math.max(...state().size), own: Math.max(rows, columns), rows, columns };
  const style = Object.entries(sizes).map(([key, size]) => `--${key}: ${size};`).join(" ");
  if (grid.getAttribute("style") !== style) grid.setAttribute("style", style);
  kit.write(title, `${word(name)} ${rows} × ${columns}`);
  focus.setAttribute("aria-label", `${title.textContent}: ${word("move")}`);
}

// Numbers on their colour; a picture in grey, with a tint of so much orange.
function paint({ root, state }, { canvas }, table, name, tint) {
  const { image, numbers } = state();
  const all = image.flat();
  const [most, least] = [kit.largest(all), Math.min(0, ...all)];
  const [ground, own, below, orange] = ["ground", name, "below", "kernel"].map(
    (colour) => kit.colour(root, colour));
  kit.paint(canvas, table.length, table[0].length, (row, column) => {
    const v = table[row][column];
    if (numbers) return kit.mix(ground, v < 0 ? below : own, (0.4 * Math.abs(v)) / most);
    return kit.mix(kit.grey((255 * (v - least)) / (most - least || 1)), orange,
      tint(row, column));
  });
}

function drawInput(view, { input, dropped: [rows, columns] }) {
  const { image, size, left, gradient, numbers } = view.state();
  const strongest = gradient ? Math.max(...gradient.flat()) : 1;
  view.root.classList.toggle("pool-numbers", numbers);
  fit(view, input, "input", size);
  paint(view, input, image, "input", (row, column) =>
    (gradient ? (0.8 * gradient[row][column]) / strongest : 0));
  kit.lay(rows, size, [size[0] - left[0], 0], [left[0], size[1]]);
  kit.lay(columns, size, [0, size[1] - left[1]], [size[0] - left[0], left[1]]);
}

function drawFields({ word, state, cameIn }, { inputCells }) {
  if (!state().numbers) return;
  inputCells.set(state().image, {
    fixed: cameIn,
    name: (row, column) => (cameIn(row, column) ? word("came_in")
      : word("input_cell", { row: row + 1, column: column + 1 })),
  });
}

// A circle around each winner, and what each cell gets of the gradient.
function drawMarks({ state }, { marks }) {
  const { image, size, gradient, winners, numbers } = state();
  const cells = image.flatMap((line, row) => line.map((_, column) => ({
    place: [row, column], share: gradient?.[row][column], won: winners.has(`${row},${column}`),
  })));
  const shown = numbers ? cells.filter(({ share, won }) => share || won) : [];
  kit.children(marks, shown.length, () => kit.element("div")).forEach((mark, index) => {
    const { place, share, won } = shown[index];
    mark.className = won ? "pool-mark pool-won" : "pool-mark";
    kit.write(mark, share ? kit.format(share) : "");
    kit.lay(mark, size, place, [1, 1]);
  });
}

function drawOutput(view, { output, outputTexts }) {
  const { element, format, write } = kit;
  const { output: table, before, changed, shape, numbers } = view.state();
  fit(view, output, "output", shape);
  paint(view, output, table, "output", (row, column) => (changed[row][column] ? 0.45 : 0));
  const [values, old, other] = [table, before, changed].map((one) => (numbers ? one.flat() : []));
  const cell = () => element("div", {}, element("span"), element("small"));
  kit.children(outputTexts, values.length, cell).forEach((node, index) => {
    const [now, earlier] = node.children;
    node.className = other[index] ? "pool-changed" : "";
    const text = format(values[index]);
    if (now.textContent !== text) node.style.setProperty("--length", `${Math.max(2, text.length)}`);
    write(now, text);
    write(earlier, other[index] ? `← ${format(old[index])}` : "");
    /** @type {HTMLElement} */ (earlier).hidden = !other[index];
  });
}

// What the shift changed, what a mark means, and where the output's size comes from.
function drawReading({ word, state }, { effect, note, formula }) {
  const { changed, shift, gradient, left, size, shape, window, stride, ceil } = state();
  const all = changed.flat();
  const [down, right] = shift.map(kit.format);
  kit.write(effect, word(shift.some(Boolean) ? "moved" : "not_moved",
    { down, right, changed: all.filter(Boolean).length, total: all.length }));
  kit.write(note, gradient ? word("gets") : left.some(Boolean) ? word("dropped") : "");
  const [open, close, round] = ceil ? ["⌈", "⌉", Math.ceil] : ["⌊", "⌋", Math.floor];
  const sizes = (size[0] === size[1] ? [0] : [0, 1]).map((axis) => {
    const outside = round((size[axis] - window) / stride) + 1 > shape[axis]; // the last would start
    return `${open}(${size[axis]} − ${window}) / ${stride}${close} + 1${outside ? " − 1" : ""}`
      + ` = ${shape[axis]}`;
  });
  kit.write(formula, `${word("size")}: ${sizes.join(", ")}`);
}

function drawWindow({ word, state, position }, { input, output, sum, spoken }, play) {
  const { element, format } = kit;
  const { image, kind, window, stride, size, shape, output: table } = state();
  const [row, column] = position();
  const cells = under(image, row, column, window, stride);
  const [start, end] = [cells[0], cells[cells.length - 1]];
  kit.lay(input.frame, size, start, [end[0] - start[0] + 1, end[1] - start[1] + 1]);
  kit.lay(output.frame, shape, [row, column], [1, 1]);
  const [open, between, close] = kind === "max" ? ["max(", ", ", ") = "]
    : ["(", " + ", `) / ${cells.length} = `];
  const best = kind === "max" ? winner(cells) : null;
  const value = format(table[row][column]);
  sum.replaceChildren(open, ...cells.flatMap((cell, index) => [index ? between : "",
    element("b", { class: cell === best ? "pool-best" : "" }, format(cell[2]))]),
  close, element("b", { class: "pool-total" }, value));
  spoken.setAttribute("aria-live", play.playing() ? "off" : "polite");
  kit.write(spoken, word("here", { row: row + 1, column: column + 1, value }));
}

function drawControls({ get, state }, { controls }) {
  const [down, right] = state().shift;
  const pictures = get("pictures");
  const picture = Object.keys(pictures).find((key) => pictures[key] === get("image")) || "";
  const values = { ...state(), picture, down, right, gradient: get("gradient") };
  Object.entries(controls).forEach(([name, control]) => control.set(values[name]));
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const play = kit.player({
    word: view.word, path: view.path, onChange: () => clock.mark("playing"),
    pause: () => kit.clamp(12000 / view.state().output.flat().length, 60, 800),
  });
  const parts = makeParts(view, play);
  listen(view, parts, play);
  const draw = (part) => () => part(view, parts, play);
  const clock = kit.clock(view.root, model, [
    [draw(drawInput), "theme", ...TRAITS],
    [draw(drawFields), "image", "shift"],
    [draw(drawMarks), ...TRAITS],
    [draw(drawOutput), "theme", ...TRAITS],
    [draw(drawReading), ...TRAITS],
    [draw(drawWindow), ...TRAITS, "position", "playing"],
    [draw(drawControls), ...TRAITS],
  ]);
  return () => { play.stop(); clock.stop(); };
}

export default { render, pool, gradientOf, shifted };
