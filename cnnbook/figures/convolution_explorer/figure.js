// The convolution explorer: a kernel moves over an input, and the sum at the present position is
// written out. Up to 14 × 14 every cell shows its number; larger inputs are drawn as pictures,
// and the numbers under the window stand above the kernel.

const PARAMETERS = ["image", "kernel", "stride", "padding", "dilation"];

// What remains of the padded input when the window lies at its start; then how many places it has.
const room = (input, kernel, padding, dilation) =>
  input + 2 * padding - dilation * (kernel - 1) - 1;
const outputSize = (input, kernel, stride, padding, dilation) =>
  Math.max(0, Math.floor(room(input, kernel, padding, dilation) / stride) + 1);

// The output as a table, the same sums as cnnbook.convolution.conv2d.
function convolve(image, kernel, stride, padding, dilation) {
  const rows = outputSize(image.length, kernel.length, stride, padding, dilation);
  const columns = outputSize(image[0].length, kernel[0].length, stride, padding, dilation);
  return kit.tableOf(rows, columns, (row, column) => {
    let sum = 0;
    for (let i = 0; i < kernel.length; i += 1) {
      const line = image[row * stride + i * dilation - padding];
      if (!line) continue; // on padding: zeros add nothing
      for (let j = 0; j < kernel[0].length; j += 1) {
        sum += kernel[i][j] * (line[column * stride + j * dilation - padding] || 0);
      }
    }
    return sum;
  });
}

// All that is drawn follows from the traits; pairs are [rows, columns].
function derive(model) {
  const [image, kernel] = [kit.toTable(model.get("image")), kit.toTable(model.get("kernel"))];
  const [stride, padding, dilation] = PARAMETERS.slice(2).map((name) => model.get(name));
  const [imageSize, kernelSize] = [image, kernel].map((table) => [table.length, table[0].length]);
  const padded = imageSize.map((size) => size + 2 * padding);
  const free = [0, 1].map((axis) => room(imageSize[axis], kernelSize[axis], padding, dilation));
  return {
    image, kernel, stride, padding, dilation, imageSize, kernelSize, padded, free,
    span: kernelSize.map((size) => dilation * (size - 1) + 1),
    shape: free.map((rest) => Math.max(0, Math.floor(rest / stride) + 1)),
    left: free.map((rest) => (rest < 0 ? 0 : rest % stride)), // rows and columns not reached
    output: convolve(image, kernel, stride, padding, dilation),
    numbers: Math.max(...padded) <= 14,
  };
}

// ---- what the reader does -----------------------------------------------------------------------

// A view is what kit.figure gives, state() and the path of the window; here is how it is changed.
function makeView({ model, el }) {
  const figure = kit.figure(el, model, "convolution_explorer");
  const state = kit.derived(model, PARAMETERS, () => derive(model));
  // Where the window is; a Python program may have left a position of another output.
  const position = () => kit.inside(figure.get("position"), state().shape);
  const change = (changes) => figure.put(changes, () => ({ position: position() }));
  const path = kit.walk({
    place: position, shape: () => state().shape, go: (place) => change({ position: place }),
  });
  function edit(name, row, column, value) {
    if (state()[name][row]?.[column] === undefined) return;
    const copy = state()[name].map((line) => [...line]);
    copy[row][column] = value;
    change({ [name]: kit.toRows(copy) });
  }
  function resizeKernel(size) { // around its middle
    const [down, right] = state().kernelSize.map((old) => Math.floor((size - old) / 2));
    const value = (row, column) => state().kernel[row - down]?.[column - right] ?? 0;
    change({ kernel: kit.toRows(kit.tableOf(size, size, value)) });
  }
  // Row and column of the input under tap (i, j) of the window.
  function tap(i, j) {
    const { stride, padding, dilation } = state();
    const [row, column] = position();
    return [row * stride + i * dilation - padding, column * stride + j * dilation - padding];
  }
  return { ...figure, state, position, change, path, edit, resizeKernel, tap };
}

// The window follows the pointer: with its middle over the input, with its cell in the output.
function listen({ root, state, path }, { input, output }, play) {
  kit.keys(root, { path, play });
  kit.follow(input.grid, (shares) => path.to(shares.map((share, axis) => Math.round(
    (Math.floor(share * state().padded[axis]) - (state().span[axis] - 1) / 2) / state().stride))),
  { play });
  kit.follow(output.grid, (shares) =>
    path.to(shares.map((share, axis) => Math.floor(share * state().shape[axis]))), { play });
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts(view, play) {
  const { element } = kit;
  const { root, word, state, edit, tap } = view;
  const part = (name, ...children) => {
    const title = element("div", { class: "title" });
    return { node: element("section", { class: `part ${name}` }, title, ...children), title };
  };
  const board = (name, ...layers) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const frame = element("div", { class: "frame" });
    const grid = element("div", { class: "grid" }, canvas, ...layers, frame);
    const focus = element("div", { class: "board", tabindex: 0, role: "group" }, grid);
    return { canvas, frame, grid, focus, ...part(name, focus) };
  };
  const layer = (name) => element("div", { class: name });
  const inputCells = kit.cells((row, column, value) =>
    edit("image", row - state().padding, column - state().padding, value));
  const windowCells = kit.cells((i, j, value) => edit("image", ...tap(i, j), value));
  const kernelCells = kit.cells((row, column, value) => edit("kernel", row, column, value));
  const [dropped, veils] = ["dropped", "veil"].map((name) => [layer(name), layer(name)]);
  const core = layer("core");
  const outputTexts = layer("cnnbook-cells");
  const input = board("input", inputCells.node, ...dropped, core);
  const output = board("output", outputTexts, ...veils);
  const window = part("window", windowCells.node);
  const kernel = part("kernel", kernelCells.node);
  const [terms, total] = [layer("terms"), layer("total")];
  const sum = part("sum", element("div", { class: "line" }, terms, total));
  const formula = element("section", { class: "part formula" });
  const spoken = kit.live();
  const { controls, node } = makeControls(view, play);
  sum.title.textContent = word("sum");
  window.title.textContent = word("window");
  root.append(input.node, output.node,
    element("div", { class: "middle" }, window.node, kernel.node), sum.node, node, formula,
    element("section", { class: "part help" }, spoken, element("div", {}, word("help"))));
  return {
    input, output, window, kernel, inputCells, windowCells, kernelCells, outputTexts, dropped,
    veils, core, terms, total, formula, spoken, controls,
  };
}

function makeControls({ word, get, change, path, resizeKernel }, play) {
  const { element } = kit;
  const choice = (label, own, choices, name) => kit.select({
    label: word(label),
    options: [["", word(own)], ...Object.keys(choices).map((key) => [key, key])],
    onInput: (key) => change({ [name]: choices[key] }),
  });
  const slider = (name, min, max, onInput = (value) => change({ [name]: value })) =>
    kit.slider({ label: word(name), min, max, onInput });
  const controls = {
    pictures: choice("picture", "own_picture", get("pictures"), "image"),
    kernels: choice("preset", "own_kernel", get("kernels"), "kernel"),
    kernel_size: slider("kernel_size", 1, 5, resizeKernel),
    stride: slider("stride", 1, 4),
    padding: slider("padding", 0, 3),
    dilation: slider("dilation", 1, 3),
  };
  const node = element("section", { class: "part controls" },
    element("div", { class: "buttons" }, play.button("first", path.first),
      play.button("previous", () => path.step(-1)), play.node,
      play.button("next", () => path.step(1))),
    ...Object.values(controls).map((one) => one.node));
  return { controls, node };
}

// ---- the drawing --------------------------------------------------------------------------------

const size = ([rows, columns]) => `${rows} × ${columns}`;

function drawLayout({ root, state }) {
  root.classList.toggle("numbers", state().numbers);
  root.classList.toggle("wide-sum", !state().numbers || Math.max(...state().kernelSize) > 3);
}

// Cells are as large in the output as in the input, in a frame that does not change its size.
function fit({ word, state }, { grid, title, focus }, name, [rows, columns], shown) {
  const most = Math.max(...state().padded, ...state().shape);
  const style = `--most:${most};--columns:${Math.max(1, columns)};`
    + `width:${(100 * columns) / most}%;height:${(100 * rows) / most}%`;
  if (grid.getAttribute("style") !== style) grid.setAttribute("style", style);
  kit.write(title, `${word(name)} ${size(shown)}`);
  focus.setAttribute("aria-label", `${word(name)} ${size(shown)}: ${word("move")}`);
}

function drawInput(view, { input, inputCells, core }) {
  const { root, word, state } = view;
  const { image, padding, padded, numbers, imageSize } = state();
  const [ground, blue, below] = ["ground", "input", "below"].map((c) => kit.colour(root, c));
  const [most, least] = [kit.largest(image.flat()), Math.min(0, ...image.flat())];
  const value = (row, column) => image[row - padding]?.[column - padding];
  fit(view, input, "input", padded, imageSize);
  kit.paint(input.canvas, padded[0], padded[1], (row, column) => {
    const v = value(row, column);
    if (v === undefined) return kit.mix(ground, blue, numbers ? 0 : 0.3);
    if (!numbers) return kit.grey((255 * (v - least)) / (most - least));
    return kit.mix(ground, v < 0 ? below : blue, (0.35 * Math.abs(v)) / most);
  });
  if (numbers) {
    inputCells.set(kit.tableOf(padded[0], padded[1], (row, column) => value(row, column) ?? 0), {
      fixed: (row, column) => value(row, column) === undefined,
      name: (row, column) => (value(row, column) === undefined ? word("padding")
        : word("input_cell", { row: row - padding + 1, column: column - padding + 1 })),
    });
  }
  kit.lay(core, padded, [padding, padding], imageSize);
  core.hidden = !padding;
}

// The rows and columns at the end that no window reaches.
function drawDropped({ state }, { dropped: [rows, columns] }) {
  const { padded, left } = state();
  kit.lay(rows, padded, [padded[0] - left[0], 0], [left[0], padded[1]]);
  kit.lay(columns, padded, [0, padded[1] - left[1]], [padded[0] - left[0], left[1]]);
}

function drawKernel({ word, state }, { kernel: { title }, kernelCells }) {
  const { kernel, kernelSize } = state();
  const most = kit.largest(kernel.flat());
  kit.write(title, `${word("kernel")} ${size(kernelSize)}`);
  kernelCells.set(kernel, {
    name: (row, column) => word("kernel_cell", { row: row + 1, column: column + 1 }),
  });
  kernel.flat().forEach((v, index) => {
    const field = kernelCells.node.children[index];
    field.className = v < 0 ? "minus" : v > 0 ? "plus" : "zero";
    field.style.setProperty("--share", `${(35 * Math.abs(v)) / most}%`);
  });
}

// A cell under the window and a product in the sum for every weight.
function drawTaps({ state }, { input, terms }) {
  const { element } = kit;
  const { image, kernel, kernelSize, span, dilation, numbers } = state();
  const taps = kit.children(input.frame, kernel.flat().length, () =>
    element("div", { class: "tap" }));
  taps.forEach((tapped, index) => {
    const [i, j] = [Math.floor(index / kernelSize[1]), index % kernelSize[1]];
    kit.lay(tapped, span, [i * dilation, j * dilation], [1, 1]);
    kit.write(tapped, numbers ? `×${kit.format(kernel[i][j])}` : "");
  });
  kit.children(terms, taps.length, () => element("div", { class: "term" },
    element("span", { class: "x" }), element("span", {}, " × "),
    element("span", { class: "w" }), element("b", {})));
  const longest = (table) => Math.max(...table.flat().map((v) => kit.bracketed(v).length));
  terms.style.setProperty("--columns", String(kernelSize[1]));
  terms.style.setProperty("--longest", String(longest(image) + longest(kernel) + 3));
}

function drawOutput(view, { output, outputTexts }) {
  const { output: table, shape, numbers } = view.state();
  const most = kit.largest(table.flat());
  const shade = kit.diverging(view.root);
  fit(view, output, "output", shape, shape);
  kit.paint(output.canvas, shape[0], shape[1], (row, column) =>
    shade(((numbers ? 0.45 : 1) * table[row][column]) / most));
  const values = numbers ? table.flat() : [];
  kit.children(outputTexts, values.length, () => kit.element("div")).forEach((cell, index) => {
    const text = kit.format(values[index]);
    if (cell.textContent === text) return;
    cell.textContent = text;
    cell.style.setProperty("--length", String(Math.max(2, text.length)));
  });
}

function drawFormula({ word, state }, { formula }) {
  const { element } = kit;
  const { imageSize, kernelSize, stride, padding, dilation, free, shape, left } = state();
  const sizes = String([imageSize, kernelSize, stride, padding, dilation]);
  if (formula.dataset.sizes === sizes) return;
  formula.dataset.sizes = sizes;
  const coloured = (name, text) => element("b", { class: name }, text);
  const small = (name) => word(name).toLowerCase();
  const piece = (...children) => element("span", {}, ...children);
  const fraction = (image, pad, dil, kernel, by) => piece("⌊(", coloured("x", image),
    ` + 2·${pad} − ${dil}·(`, coloured("w", kernel), ` − 1) − 1) / ${by}⌋ + 1`);
  const square = imageSize[0] === imageSize[1] && kernelSize[0] === kernelSize[1];
  const lines = (square ? [0] : [0, 1]).map((axis) => element("div", {},
    square ? "" : `${word(axis ? "column_size" : "row_size")}: `,
    fraction(imageSize[axis], padding, dilation, kernelSize[axis], stride),
    piece(`\u00a0= ⌊${kit.format(free[axis])} / ${stride}⌋ + 1`),
    ...(free[axis] < 0 ? [] : [piece(`\u00a0= ${Math.floor(free[axis] / stride)} + 1 = `,
      coloured("y", shape[axis]))])));
  const reached = Math.min(...free) < 0 ? word("no_output")
    : left[0] || left[1] ? word("dropped", { rows: left[0], columns: left[1] })
      : word("covered");
  formula.replaceChildren(
    element("div", { class: "title" }, word("size")),
    element("div", { class: "quiet" }, fraction(small("input"), small("padding"),
      small("dilation"), small("kernel"), small("stride")), piece(`\u00a0(${word("floor")})`)),
    ...lines, element("div", { class: left[0] || left[1] ? "warn" : "" }, reached));
}

// The window in the input, its cell in the output; while it plays, what comes later is veiled.
function drawWindow({ state, position }, { input, output, veils }, play) {
  const { padded, span, shape, stride } = state();
  const [row, column] = position();
  const fits = shape[0] && shape[1];
  const playing = play.playing() ? 1 : 0;
  kit.lay(input.frame, padded, [row * stride, column * stride], fits ? span : [0, 0]);
  kit.lay(output.frame, shape, [row, column], fits ? [1, 1] : [0, 0]);
  kit.lay(veils[0], shape, [row, column + 1], [playing, shape[1] - column - 1]);
  kit.lay(veils[1], shape, [row + 1, 0], [playing * (shape[0] - row - 1), shape[1]]);
}

function drawSum({ word, state, position, tap }, parts, play) {
  const { window, windowCells, terms, total, spoken } = parts;
  const { image, kernel, kernelSize, numbers, output } = state();
  const [row, column] = position();
  const value = output[row]?.[column];
  const fits = value !== undefined;
  const under = kit.tableOf(kernelSize[0], kernelSize[1], (i, j) => {
    const [y, x] = tap(i, j);
    return image[y]?.[x];
  });
  window.node.hidden = numbers;
  if (!numbers) {
    windowCells.set(under.map((line) => line.map((v) => v ?? 0)), {
      fixed: (i, j) => under[i][j] === undefined,
      name: (i, j) => word("window_cell", { row: i + 1, column: j + 1 }),
    });
  }
  kernel.flat().forEach((weight, index) => {
    const pixel = under.flat()[index] ?? 0;
    const [x, , w, product] = terms.children[index].children;
    kit.write(x, fits ? kit.bracketed(pixel) : "");
    kit.write(w, kit.bracketed(weight));
    kit.write(product, fits ? kit.format(pixel * weight) : "");
    terms.children[index].className = `term ${pixel * weight ? "" : "zero"}`;
  });
  kit.write(total, fits ? `= ${kit.format(value)}` : "");
  spoken.setAttribute("aria-live", play.playing() ? "off" : "polite");
  kit.write(spoken, fits
    ? word("here", { row: row + 1, column: column + 1, value: kit.format(value) })
    : word("no_output"));
}

function drawControls({ get, state }, { controls }) {
  const keyOf = (choices, name) => Object.keys(get(choices))
    .find((key) => get(choices)[key] === get(name)) || "";
  controls.pictures.set(keyOf("pictures", "image"));
  controls.kernels.set(keyOf("kernels", "kernel"));
  controls.kernel_size.set(state().kernelSize[0]);
  ["stride", "padding", "dilation"].forEach((name) => controls[name].set(get(name)));
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const play = kit.player({
    word: view.word, path: view.path, onChange: () => clock.mark("playing"),
    pause: () => kit.clamp(16000 / view.state().output.flat().length, 40, 800),
  });
  const parts = makeParts(view, play);
  const draw = (part) => () => part(view, parts, play);
  listen(view, parts, play);
  const clock = kit.clock(view.root, model, [
    [draw(drawLayout), "image", "kernel", "padding"],
    [draw(drawInput), "theme", "image", "padding"],
    [draw(drawDropped), ...PARAMETERS],
    [draw(drawKernel), "kernel"],
    [draw(drawTaps), "image", "kernel", "padding", "dilation"],
    [draw(drawOutput), "theme", ...PARAMETERS],
    [draw(drawFormula), ...PARAMETERS],
    [draw(drawWindow), ...PARAMETERS, "position", "playing"],
    [draw(drawSum), ...PARAMETERS, "position", "playing"],
    [draw(drawControls), ...PARAMETERS],
  ]);
  return () => { play.stop(); clock.stop(); };
}

export default { render, convolve };
