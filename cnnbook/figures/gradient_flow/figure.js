// Gradients flow back through a convolution: what an output cell hands to its window and to the
// kernel, for one cell or added up over all cells so far.

const TABLES = ["image", "kernel", "upstream"];

// What input, kernel and bias receive of the output cells for which counts(row, column) is true.
/** @param {(row: number, column: number) => boolean} counts */
function gradients(image, kernel, upstream, counts) {
  const zeros = (table) => table.map((line) => line.map(() => 0));
  const [toImage, toKernel] = [zeros(image), zeros(kernel)];
  let toBias = 0;
  upstream.forEach((line, row) => line.forEach((g, column) => {
    if (!counts(row, column)) return;
    toBias += g;
    kernel.forEach((weights, i) => weights.forEach((weight, j) => {
      toImage[row + i][column + j] += g * weight;
      toKernel[i][j] += g * image[row + i][column + j];
    }));
  }));
  return { toImage, toKernel, toBias };
}

function derive(get) {
  const [image, kernel, upstream] = TABLES.map((name) => kit.toTable(get(name)));
  const shape = [upstream.length, upstream[0].length];
  const [row, column] = kit.inside(get("position"), shape);
  const place = row * shape[1] + column;
  const counts = (i, j) => (get("collect") ? i * shape[1] + j <= place
    : i === row && j === column);
  return {
    image, kernel, upstream, shape, row, column, counts, count: place + 1,
    collect: get("collect"), ...gradients(image, kernel, upstream, counts),
  };
}

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "gradient_flow");
  const state = kit.derived(model, [...TABLES, "position", "collect"], () => derive(figure.get));
  const path = kit.walk({
    place: () => [state().row, state().column], shape: () => state().shape,
    go: (position) => figure.put({ position }),
  });
  function edit(name, row, column, value) {
    const copy = state()[name].map((line) => [...line]);
    copy[row][column] = value;
    figure.put({ [name]: kit.toRows(copy) });
  }
  return { ...figure, state, path, edit };
}

// A finger or the mouse chooses the output cell, over the output or, by its window, over the input.
function listen({ root, state, path }, { upstream, image }, play) {
  kit.keys(root, { path, play });
  kit.follow(upstream.grid, (shares) =>
    path.to(shares.map((share, axis) => Math.floor(share * state().shape[axis]))), { play });
  kit.follow(image.grid, (shares) => {
    const { image: table, kernel } = state();
    const [sizes, spans] = [table, kernel].map((one) => [one.length, one[0].length]);
    path.to(shares.map((share, axis) =>
      Math.round(Math.floor(share * sizes[axis]) - (spans[axis] - 1) / 2)));
  }, { play });
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts(view, play) {
  const { element } = kit;
  const { root, word, edit, put, path } = view;
  const board = (name, look) => {
    const cells = kit.cells((row, column, value) => edit(name, row, column, value));
    const received = element("div", { class: "flow-received" });
    const frame = element("div", { class: "flow-frame" });
    const grid = element("div", { class: "flow-grid" }, cells.node, received, frame);
    const title = element("div", { class: "flow-title" });
    const focus = element("div", { class: "flow-board", tabindex: 0, role: "group" }, grid);
    const node = element("section", { class: `flow-part flow-${look}` }, title, focus);
    return { node, title, focus, grid, cells, received, frame };
  };
  const [upstream, image] = [board("upstream", "output"), board("image", "input")];
  const kernel = board("kernel", "kernel");
  const [spoken, bias] = [kit.live(), element("div", { class: "flow-bias" })];
  const collect = kit.tick({ label: word("collect"), onInput: (on) => put({ collect: on }) });
  root.append(upstream.node, image.node, kernel.node,
    element("section", { class: "flow-reading" }, spoken, bias,
      element("div", { class: "flow-quiet" }, word("gets"))),
    element("section", { class: "flow-controls" },
      element("div", { class: "flow-buttons" }, play.button("first", path.first),
        play.button("previous", () => path.step(-1)), play.node,
        play.button("next", () => path.step(1))), collect.node),
    element("div", { class: "flow-help flow-quiet" }, word("help")));
  return { upstream, image, kernel, spoken, bias, collect };
}

// ---- the drawing --------------------------------------------------------------------------------

const WORDS = { upstream: "output", image: "input", kernel: "kernel" };

// The numbers of a table; its name says how large it is.
const drawTable = (name) => ({ word, state }, parts) => {
  const { cells, title, focus, grid } = parts[name];
  const table = state()[name];
  const size = `${table.length} × ${table[0].length}`;
  const label = word("size", { name: word(WORDS[name]), size });
  kit.write(title, label);
  focus.setAttribute("aria-label", `${label}: ${word("move")}`);
  grid.style.setProperty("--columns", String(table[0].length));
  grid.style.setProperty("--rows", String(table.length));
  const { image } = state(); // cells are as large in all three
  grid.style.setProperty("--most", String(Math.max(image.length, image[0].length)));
  cells.set(table, {
    name: (row, column) => word(`${WORDS[name]}_cell`, { row: row + 1, column: column + 1 }),
  });
};

// The orange number of a cell: what it receives. Of the output: which cells count.
function drawReceived({ state }, parts) {
  const { toImage, toKernel, upstream, counts } = state();
  [[parts.image, toImage], [parts.kernel, toKernel]].forEach(([board, table]) => {
    const values = table.flat();
    kit.children(board.received, values.length, () => kit.element("div")).forEach((node, index) =>
      kit.write(node, values[index] ? kit.format(values[index]) : ""));
    board.received.style.setProperty("--columns", String(table[0].length));
  });
  const cells = upstream.flatMap((line, row) => line.map((_, column) => counts(row, column)));
  kit.children(parts.upstream.received, cells.length, () => kit.element("div"))
    .forEach((node, index) => { node.className = cells[index] ? "flow-counts" : ""; });
  parts.upstream.received.style.setProperty("--columns", String(upstream[0].length));
}

function drawFrames({ state }, { upstream, image }) {
  const { row, column, shape, image: table, kernel } = state();
  kit.lay(upstream.frame, shape, [row, column], [1, 1]);
  const span = [kernel.length, kernel[0].length];
  kit.lay(image.frame, [table.length, table[0].length], [row, column], span);
}

function drawReading({ word, state }, { spoken, bias, collect }, play) {
  const { row, column, upstream, count, shape, collect: all, toBias } = state();
  const g = kit.format(upstream[row][column]);
  const name = !all ? "here" : count === shape[0] * shape[1] ? "whole" : "sum_here";
  spoken.setAttribute("aria-live", play.playing() ? "off" : "polite");
  kit.write(spoken, word(name, { row: row + 1, column: column + 1, g, count }));
  kit.write(bias, word("bias", { value: kit.format(toBias) }));
  collect.set(all);
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const play = kit.player({
    word: view.word, path: view.path, pause: () => 900, onChange: () => clock.mark("playing"),
    rewind: () => view.put({ position: [0, 0], collect: true }),
  });
  const parts = makeParts(view, play);
  const draw = (part) => () => part(view, parts, play);
  listen(view, parts, play);
  const clock = kit.clock(view.root, model, [
    [draw(drawTable("upstream")), "upstream"],
    [draw(drawTable("image")), "image"],
    [draw(drawTable("kernel")), "kernel"],
    [draw(drawReceived), ...TABLES, "position", "collect"],
    [draw(drawFrames), "position"],
    [draw(drawReading), ...TABLES, "position", "collect", "playing"],
  ]);
  return () => { play.stop(); clock.stop(); };
}

export default { render, gradients };
