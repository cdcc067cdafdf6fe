// The channel explorer: the window at one place of every channel, each channel with its own kernel,
// and the sum of all of them in one map.

const COLOURS = ["red", "green", "blue"];

// What a kernel makes of a channel.
const slide = (channel, kernel) => {
  const shape = [channel.length - kernel.length + 1, channel[0].length - kernel[0].length + 1];
  return kit.tableOf(shape[0], shape[1], (row, column) => kernel.reduce((sum, weights, i) => sum
    + weights.reduce((part, weight, j) => part + weight * channel[row + i][column + j], 0), 0));
};

function derive(get) {
  const image = get("image").map(kit.toTable);
  const chosen = kit.clamp(get("chosen"), 0, get("filters").length - 1);
  const kernels = get("filters")[chosen].map(kit.toTable);
  const bias = get("biases")[chosen];
  const partial = image.map((channel, c) => slide(channel, kernels[c]));
  const shape = [partial[0].length, partial[0][0].length];
  const output = kit.tableOf(shape[0], shape[1], (row, column) =>
    partial.reduce((sum, table) => sum + table[row][column], bias));
  const [row, column] = kit.inside(get("position"), shape);
  return { image, kernels, bias, partial, output, shape, row, column, chosen };
}

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "channel_explorer");
  const { get, put, word } = figure;
  const state = kit.derived(model, ["image", "filters", "biases", "chosen", "position"],
    () => derive(get));
  const path = kit.walk({
    place: () => [state().row, state().column], shape: () => state().shape,
    go: (position) => put({ position }),
  });
  const changed = (tables, channel, row, column, value) => tables.map((table, c) => kit.toRows(
    c !== channel ? table : table.map((line, i) =>
      line.map((v, j) => (i === row && j === column ? value : v)))));
  const editImage = (channel, ...cell) => put({ image: changed(state().image, channel, ...cell) });
  const editKernel = (channel, ...cell) => put({ filters: get("filters").map((filter, number) =>
    (number === state().chosen ? changed(state().kernels, channel, ...cell) : filter)) });
  const count = get("image").length;
  const nameOf = (channel) =>
    (count === 3 ? word(COLOURS[channel]) : word("channel", { number: channel }));
  return { ...figure, state, path, editImage, editKernel, count, nameOf };
}

// The window follows the pointer, over any input by its middle and over any map by its cell.
function listen({ state, path }, { rows, output }, play) {
  const overMap = (shares) =>
    path.to(shares.map((share, axis) => Math.floor(share * state().shape[axis])));
  const overInput = (shares) => {
    const { image: [table], kernels: [kernel] } = state();
    const sizes = [table.length, table[0].length];
    const spans = [kernel.length, kernel[0].length];
    path.to(shares.map((share, axis) =>
      Math.round(Math.floor(share * sizes[axis]) - (spans[axis] - 1) / 2)));
  };
  rows.forEach(({ input, partial }) => {
    kit.follow(input.grid, overInput, { play });
    kit.follow(partial.grid, overMap, { play });
  });
  kit.follow(output.grid, overMap, { play });
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts(view, play) {
  const { element } = kit;
  const { root, word, get, put, path, state, count } = view;
  const box = (name, ...children) => element("div", { class: `chan-${name}` }, ...children);
  const board = (look, cells) => {
    const [title, frame, canvas] = [box("title"), box("frame"),
      element("canvas", { "aria-hidden": "true" })];
    const grid = box("grid", canvas, cells, frame);
    const node = element("section", { class: `chan-part chan-${look}` }, title, box("board", grid));
    return { node, title, grid, frame, canvas, cells };
  };
  const texts = (look) => board(look, element("div", { class: "cnnbook-cells" }));
  const typed = (look, edit) => {
    const cells = kit.cells(edit);
    return { ...board(look, cells.node), typed: cells };
  };
  const rows = Array.from({ length: count }, (_, channel) => ({
    input: typed("input", (...cell) => view.editImage(channel, ...cell)),
    kernel: typed("kernel", (...cell) => view.editKernel(channel, ...cell)),
    partial: texts("partial"),
  }));
  const [output, colour] = [texts("output"), texts("colour")];
  const boards = element("div", { class: "chan-boards", tabindex: 0, role: "group",
    "aria-label": `${word("title")}: ${word("move")}` },
    ...rows.flatMap((row) => Object.values(row).map((one) => one.node)));
  const spoken = kit.live();
  const sums = Array.from({ length: count }, () => box("sum"));
  const filter = kit.select({ label: word("filter"),
    options: get("names").map((name, number) => [number, name]),
    onInput: (value) => put({ chosen: Number(value) }) });
  const bias = kit.slider({ label: word("bias"), min: -9, max: 9, onInput: (value) =>
    put({ biases: get("biases").map((old, k) => (k === state().chosen ? value : old)) }) });
  const buttons = box("buttons", play.button("first", path.first),
    play.button("previous", () => path.step(-1)), play.node,
    play.button("next", () => path.step(1)));
  root.append(boards, element("section", { class: "chan-side" },
    box("maps", ...(count === 3 ? [colour.node] : []), output.node),
    box("sums", ...sums), spoken, filter.node, bias.node, buttons),
    box("help", word("help")));
  return { rows, output, colour, spoken, sums, filter, bias };
}

// ---- the drawing --------------------------------------------------------------------------------

// A board: its size, its colours, its frame.
function drawBoard({ root, state }, { grid, canvas, frame }, table, tint, framed) {
  const [height, width] = [table.length, table[0].length];
  const { image: [first] } = state();
  const sizes = { rows: height, columns: width, most: Math.max(first.length, first[0].length) };
  Object.entries(sizes).forEach(([key, size]) => grid.style.setProperty(`--${key}`, String(size)));
  const most = kit.largest(table.flat());
  const [ground, own, below] = ["ground", tint, "below"].map((name) => kit.colour(root, name));
  kit.paint(canvas, height, width, (row, column) => {
    const v = table[row][column];
    return kit.mix(ground, v < 0 ? below : own, (0.35 * Math.abs(v)) / most);
  });
  const [start, extent] = framed || [[0, 0], [0, 0]];
  kit.lay(frame, [height, width], start, extent);
}

function drawTexts({ grid, cells }, table) {
  const values = table.flat();
  cells.style.setProperty("--columns", String(table[0].length));
  kit.children(cells, values.length, () => kit.element("div")).forEach((node, index) => {
    kit.write(node, kit.format(values[index]));
    node.style.setProperty("--length", String(Math.max(2, node.textContent.length)));
  });
  return grid;
}

const rounded = (table) => table.map((line) => line.map((v) => Number(v.toFixed(3)) + 0));

function drawInputs(view, { rows, colour }) {
  const { word, state, nameOf } = view;
  const { image, kernels, row, column } = state();
  const window = [[row, column], [kernels[0].length, kernels[0][0].length]];
  rows.forEach(({ input, kernel }, channel) => {
    const name = nameOf(channel);
    kit.write(input.title, word("input", { name }));
    kit.write(kernel.title, word("kernel", { name }));
    drawBoard(view, input, image[channel], "input", window);
    drawBoard(view, kernel, kernels[channel], "kernel");
    input.typed.set(image[channel], { name: (i, j) =>
      word("input_cell", { name, row: i + 1, column: j + 1 }) });
    kernel.typed.set(kernels[channel], { name: (i, j) =>
      word("kernel_cell", { name, row: i + 1, column: j + 1 }) });
  });
  if (image.length !== 3) return;
  kit.write(colour.title, word("colour"));
  const most = kit.largest(image.flat(2));
  drawBoard(view, colour, image[0], "input", window);
  kit.paint(colour.canvas, image[0].length, image[0][0].length, (i, j) =>
    image.map((channel) => (255 * Math.max(0, channel[i][j])) / most));
}

function drawMaps(view, { rows, output, filter, bias }) {
  const { word, state, nameOf, get } = view;
  const { partial, output: whole, row, column, chosen, bias: number } = state();
  const cell = [[row, column], [1, 1]];
  rows.forEach((parts, channel) => {
    kit.write(parts.partial.title, word("partial", { name: nameOf(channel) }));
    drawBoard(view, parts.partial, partial[channel], "output", cell);
    drawTexts(parts.partial, rounded(partial[channel]));
  });
  const name = { 1: "output_one", 2: "output_two", 3: "output" }[partial.length];
  kit.write(output.title, `${get("names")[chosen]} · ${word(name)}`);
  drawBoard(view, output, whole, "output", cell);
  drawTexts(output, rounded(whole));
  filter.set(chosen);
  bias.set(number);
}

// Each channel's products, and the sum of the sums.
function drawSums({ word, state, nameOf }, { sums, spoken }, play) {
  const { image, kernels, partial, output, bias, row, column } = state();
  const short = (value) => kit.format(Number(value.toFixed(3)) + 0);
  sums.forEach((node, c) => {
    const terms = kernels[c].flatMap((weights, i) => weights.flatMap((weight, j) => (weight
      ? [`${kit.format(image[c][row + i][column + j])}·${kit.bracketed(weight)}`] : [])));
    const sum = short(partial[c][row][column]);
    kit.write(node, `${nameOf(c)}: ${terms.join(" + ") || "0"} = ${sum}`);
  });
  const bracketed = (value) => kit.bracketed(Number(value.toFixed(3)) + 0);
  const parts = [...partial.map((table) => bracketed(table[row][column])),
    word("plus_bias", { bias: bracketed(bias) })];
  spoken.setAttribute("aria-live", play.playing() ? "off" : "polite");
  kit.write(spoken, word("here", { row: row + 1, column: column + 1, sum: parts.join(" + "),
    value: short(output[row][column]) }));
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const play = kit.player({
    word: view.word, path: view.path, pause: () => 700, onChange: () => clock.mark("playing"),
  });
  const parts = makeParts(view, play);
  const draw = (part) => () => part(view, parts, play);
  kit.keys(view.root, { path: view.path, play });
  listen(view, parts, play);
  const numbers = ["image", "filters", "chosen", "position"];
  const clock = kit.clock(view.root, model, [
    [draw(drawInputs), "theme", ...numbers],
    [draw(drawMaps), "theme", "biases", ...numbers],
    [draw(drawSums), "biases", "playing", ...numbers],
  ]);
  return () => { play.stop(); clock.stop(); };
}

export default { render, slide };
