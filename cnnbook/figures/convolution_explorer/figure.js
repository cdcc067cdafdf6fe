// The convolution explorer: a kernel moves over an input, and the sum at the present position is
// written out. Up to 14 × 14 every cell shows its number; larger inputs are drawn as pictures,
// and the numbers under the window stand above the kernel.

const PARAMETERS = ["image", "kernel", "stride", "padding", "dilation"];
const tableOf = (rows, columns, value) => Array.from({ length: rows },
  (_, row) => Array.from({ length: columns }, (_, column) => value(row, column)));
const clamp = (value, most) => Math.max(0, Math.min(value, most));

// What remains of the padded input when the window lies at its start; then how many places it has.
const room = (input, kernel, padding, dilation) =>
  input + 2 * padding - dilation * (kernel - 1) - 1;
const outputSize = (input, kernel, stride, padding, dilation) =>
  Math.max(0, Math.floor(room(input, kernel, padding, dilation) / stride) + 1);

// The output as a table, the same sums as cnnbook.convolution.conv2d.
function convolve(image, kernel, stride, padding, dilation) {
  const rows = outputSize(image.length, kernel.length, stride, padding, dilation);
  const columns = outputSize(image[0].length, kernel[0].length, stride, padding, dilation);
  return tableOf(rows, columns, (row, column) => {
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

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "convolution_explorer");
  const { element, format } = kit;
  let state = derive(model);
  let sizesDrawn = "";
  const changed = new Set(["theme"]); // traits, and the page's colours, since the last drawing
  let playing = null;

  // ---- the parts ------------------------------------------------------------------------------
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
  const inputCells = kit.cells((row, column, value) =>
    edit("image", row - state.padding, column - state.padding, value));
  const windowCells = kit.cells((i, j, value) => edit("image", ...tap(i, j), value));
  const kernelCells = kit.cells((row, column, value) => edit("kernel", row, column, value));
  const [dropRows, dropColumns, core] = ["dropped", "dropped", "core"].map((name) =>
    element("div", { class: name }));
  const [veilRow, veilRest] = ["veil", "veil"].map((name) => element("div", { class: name }));
  const outputTexts = element("div", { class: "cnnbook-cells" });
  const input = board("input", inputCells.node, dropRows, dropColumns, core);
  const output = board("output", outputTexts, veilRow, veilRest);
  const windowPart = part("window", windowCells.node);
  const kernelPart = part("kernel", kernelCells.node);
  const terms = element("div", { class: "terms" });
  const total = element("div", { class: "total" });
  const sumPart = part("sum", element("div", { class: "line" }, terms, total));
  const formula = element("section", { class: "part formula" });
  const spoken = kit.live();
  sumPart.title.textContent = word("sum");
  windowPart.title.textContent = word("window");

  // ---- the controls ---------------------------------------------------------------------------
  const choice = (label, own, choices, name) => kit.select({
    label: word(label),
    options: [["", word(own)], ...Object.keys(choices).map((key) => [key, key])],
    onInput: (key) => update({ [name]: choices[key] }),
  });
  const pictures = choice("picture", "own_picture", model.get("pictures"), "image");
  const kernels = choice("preset", "own_kernel", model.get("kernels"), "kernel");
  const slider = (name, min, max, onInput = (value) => update({ [name]: value })) =>
    kit.slider({ label: word(name), min, max, onInput });
  const sliders = {
    kernel_size: slider("kernel_size", 1, 5, resizeKernel),
    stride: slider("stride", 1, 4),
    padding: slider("padding", 0, 3),
    dilation: slider("dilation", 1, 3),
  };
  const play = kit.button({ label: word("play"), onClick: () => (playing ? stop() : start()) });
  const button = (name, go) =>
    kit.button({ label: word(name), onClick: () => { stop(); go(); } });
  root.append(
    input.node,
    output.node,
    element("div", { class: "middle" }, windowPart.node, kernelPart.node),
    sumPart.node,
    element("section", { class: "part controls" },
      element("div", { class: "buttons" }, button("first", () => moveTo(0, 0)),
        button("previous", () => step(-1)), play, button("next", () => step(1))),
      pictures.node, kernels.node, ...Object.values(sliders).map((one) => one.node)),
    formula,
    element("section", { class: "part help" }, spoken, element("div", {}, word("help"))));

  // ---- what the reader does -------------------------------------------------------------------
  // Set traits; `state` follows at once, the drawing in the coming frame.
  function update(changes) {
    Object.entries(changes).forEach(([name, value]) => model.set(name, value));
    const inside = model.get("position").map((p, axis) => clamp(p, state.shape[axis] - 1));
    if (String(inside) !== String(model.get("position"))) model.set("position", inside);
    model.save_changes();
  }
  function moveTo(row, column) {
    const place = [row, column].map((p, axis) => clamp(p, state.shape[axis] - 1));
    if (String(place) !== String(model.get("position"))) update({ position: place });
  }
  function step(by) { // in reading order
    const [row, column] = model.get("position");
    const [rows, columns] = state.shape;
    const next = clamp(row * columns + column + by, rows * columns - 1);
    if (rows * columns) moveTo(Math.floor(next / columns), next % columns);
  }
  function edit(name, row, column, value) {
    if (state[name][row]?.[column] === undefined) return;
    const copy = state[name].map((line) => [...line]);
    copy[row][column] = value;
    update({ [name]: kit.toRows(copy) });
  }
  function resizeKernel(size) { // around its middle
    const [down, right] = state.kernelSize.map((old) => Math.floor((size - old) / 2));
    const value = (row, column) => state.kernel[row - down]?.[column - right] ?? 0;
    update({ kernel: kit.toRows(tableOf(size, size, value)) });
  }
  const atEnd = () => String(model.get("position")) === String(state.shape.map((n) => n - 1));
  function start() {
    if (kit.reducedMotion()) { step(1); return; }
    if (atEnd()) moveTo(0, 0);
    const pause = Math.max(40, Math.min(800, 16000 / (state.shape[0] * state.shape[1])));
    playing = setInterval(() => { if (atEnd()) stop(); else step(1); }, pause);
    play.textContent = word("pause");
    move();
  }
  function stop() {
    clearInterval(playing);
    playing = null;
    play.textContent = word("play");
    move();
  }
  root.addEventListener("keydown", (event) => {
    const onButton = event.target.matches("button");
    if (event.target.matches("input, select") || (event.key === " " && onButton)) return;
    const [row, column] = model.get("position");
    const [down, right] = kit.ARROWS[event.key] || [0, 0];
    if (down || right) { stop(); moveTo(row + down, column + right); }
    else if (event.key === "Home") { stop(); moveTo(0, 0); }
    else if (event.key === "End") { stop(); moveTo(Infinity, Infinity); }
    else if (event.key === " ") play.click();
    else return;
    event.preventDefault();
  });
  // The window follows the pointer: with its middle over the input, with its cell in the output.
  function follow(grid, placeOf) {
    const go = (event) => {
      if (event.type === "pointerdown") stop();
      else if (playing || event.pointerType !== "mouse") return;
      const box = grid.getBoundingClientRect();
      moveTo(...placeOf([(event.clientY - box.top) / box.height,
        (event.clientX - box.left) / box.width]));
    };
    grid.addEventListener("pointermove", go);
    grid.addEventListener("pointerdown", go);
  }
  follow(input.grid, (shares) => shares.map((share, axis) => Math.round(
    (Math.floor(share * state.padded[axis]) - (state.span[axis] - 1) / 2) / state.stride)));
  follow(output.grid, (shares) => shares.map((share, axis) =>
    Math.floor(share * state.shape[axis])));

  // ---- the drawing ----------------------------------------------------------------------------
  const size = ([rows, columns]) => `${rows} × ${columns}`;
  const bracketed = (v) => (v < 0 ? `(${format(v)})` : format(v));
  const largest = (table) => Math.max(1e-12, ...table.flat().map(Math.abs));

  // Cells are as large in the output as in the input, in a frame that does not change its size.
  function fit({ grid, node, title, focus }, name, [rows, columns], shown) {
    const most = Math.max(...state.padded, ...state.shape);
    const style = `--most:${most};--columns:${Math.max(1, columns)};`
      + `width:${(100 * columns) / most}%;height:${(100 * rows) / most}%`;
    if (grid.getAttribute("style") !== style) grid.setAttribute("style", style);
    title.textContent = `${word(name)} ${size(shown)}`;
    focus.setAttribute("aria-label", `${word(name)} ${size(shown)}: ${word("move")}`);
  }
  // Lay a rectangle over cells: from row `top` and column `left`, so many cells high and wide.
  function lay(node, [rows, columns], top, left, height, width) {
    const percent = (part, whole) => `${(100 * part) / Math.max(1, whole)}%`;
    node.style.top = percent(top, rows);
    node.style.left = percent(left, columns);
    node.style.height = percent(height, rows);
    node.style.width = percent(width, columns);
    node.hidden = height <= 0 || width <= 0;
  }
  function drawInput() {
    const { image, padding, padded, numbers, imageSize } = state;
    const [ground, blue, below] = ["ground", "input", "below"].map((c) => kit.colour(root, c));
    const [most, least] = [largest(image), Math.min(0, ...image.flat())];
    const value = (row, column) => image[row - padding]?.[column - padding];
    fit(input, "input", padded, imageSize);
    kit.paint(input.canvas, ...padded, (row, column) => {
      const v = value(row, column);
      if (v === undefined) return kit.mix(ground, blue, numbers ? 0 : 0.3);
      if (!numbers) return Array(3).fill((255 * (v - least)) / (most - least));
      return kit.mix(ground, v < 0 ? below : blue, (0.35 * Math.abs(v)) / most);
    });
    if (numbers) {
      inputCells.set(tableOf(...padded, (row, column) => value(row, column) ?? 0), {
        fixed: (row, column) => value(row, column) === undefined,
        name: (row, column) => (value(row, column) === undefined ? word("padding")
          : word("input_cell", { row: row - padding + 1, column: column - padding + 1 })),
      });
    }
    lay(core, padded, padding, padding, ...imageSize);
    core.hidden = !padding;
  }
  function drawDropped() {
    const { padded, left } = state;
    lay(dropRows, padded, padded[0] - left[0], 0, left[0], padded[1]);
    lay(dropColumns, padded, 0, padded[1] - left[1], padded[0] - left[0], left[1]);
  }
  function drawKernel() {
    const { kernel, kernelSize, span, numbers } = state;
    const most = largest(kernel);
    kernelPart.title.textContent = `${word("kernel")} ${size(kernelSize)}`;
    kernelCells.set(kernel, {
      name: (row, column) => word("kernel_cell", { row: row + 1, column: column + 1 }),
    });
    [...kernelCells.node.children].forEach((field, index) => {
      const v = kernel.flat()[index];
      field.className = v < 0 ? "minus" : v > 0 ? "plus" : "zero";
      field.style.setProperty("--share", `${(35 * Math.abs(v)) / most}%`);
    });
    const taps = String([kernelSize, span, numbers]);
    if (input.frame.dataset.taps !== taps) buildTaps(taps);
    const { children } = input.frame;
    if (numbers) kernel.flat().forEach((v, tap) => { children[tap].textContent = `×${format(v)}`; });
    const longest = (table) => Math.max(...table.flat().map((v) => bracketed(v).length));
    terms.style.setProperty("--longest", longest(state.image) + longest(kernel) + 3);
  }
  // A cell under the window and a product in the sum for every weight.
  function buildTaps(taps) {
    const { kernel, kernelSize, span, dilation } = state;
    input.frame.dataset.taps = taps;
    input.frame.replaceChildren(...kernel.flatMap((line, i) => line.map((weight, j) => {
      const tapped = element("div", { class: "tap" });
      lay(tapped, span, i * dilation, j * dilation, 1, 1);
      return tapped;
    })));
    terms.style.setProperty("--columns", kernelSize[1]);
    terms.replaceChildren(...kernel.flat().map(() => element("div", { class: "term" },
      element("span", { class: "x" }), element("span", {}, " × "),
      element("span", { class: "w" }), element("b", {}))));
  }
  function drawOutput() {
    const { output: table, shape, numbers } = state;
    const most = table.length ? largest(table) : 1;
    const shade = kit.diverging(root);
    fit(output, "output", shape, shape);
    kit.paint(output.canvas, ...shape, (row, column) =>
      shade(((numbers ? 0.45 : 1) * table[row][column]) / most));
    outputTexts.replaceChildren(...(numbers ? table.flat().map((value) => {
      const cell = element("div", {}, format(value));
      cell.style.setProperty("--length", Math.max(2, cell.textContent.length));
      return cell;
    }) : []));
  }
  function drawFormula() {
    const { imageSize, kernelSize, stride, padding, dilation, free, shape, left } = state;
    const coloured = (name, text) => element("b", { class: name }, String(text));
    const small = (name) => word(name).toLowerCase();
    const piece = (...children) => element("span", {}, ...children);
    const fraction = (image, pad, dil, kernel, by) => piece("⌊(", coloured("x", image),
      ` + 2·${pad} − ${dil}·(`, coloured("w", kernel), ` − 1) − 1) / ${by}⌋ + 1`);
    const axes = String([imageSize[0], kernelSize[0]]) === String([imageSize[1], kernelSize[1]])
      ? [0] : [0, 1];
    const lines = axes.map((axis) => element("div", {},
      axes.length > 1 ? `${word(axis ? "column_size" : "row_size")}: ` : "",
      fraction(imageSize[axis], padding, dilation, kernelSize[axis], stride),
      piece(`\u00a0= ⌊${format(free[axis])} / ${stride}⌋ + 1`),
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
  // Row and column of the input under tap (i, j) of the window.
  function tap(i, j) {
    const { stride, padding, dilation } = state;
    const [row, column] = model.get("position");
    return [row * stride + i * dilation - padding, column * stride + j * dilation - padding];
  }
  function drawWindow() {
    const { image, kernel, kernelSize, padded, span, shape, stride, numbers } = state;
    const [row, column] = model.get("position");
    const value = state.output[row]?.[column];
    const fits = value !== undefined;
    const under = tableOf(...kernelSize, (i, j) => {
      const [y, x] = tap(i, j);
      return image[y]?.[x];
    });
    lay(input.frame, padded, row * stride, column * stride, ...(fits ? span : [0, 0]));
    lay(output.frame, shape, row, column, ...(fits ? [1, 1] : [0, 0]));
    lay(veilRow, shape, row, column + 1, playing ? 1 : 0, shape[1] - column - 1);
    lay(veilRest, shape, row + 1, 0, playing ? shape[0] - row - 1 : 0, shape[1]);
    windowPart.node.hidden = numbers;
    if (!numbers) {
      windowCells.set(under.map((line) => line.map((v) => v ?? 0)), {
        fixed: (i, j) => under[i][j] === undefined,
        name: (i, j) => word("window_cell", { row: i + 1, column: j + 1 }),
      });
    }
    kernel.flat().forEach((weight, index) => {
      const pixel = under.flat()[index] ?? 0;
      const [x, , w, product] = terms.children[index].children;
      x.textContent = fits ? bracketed(pixel) : "";
      w.textContent = bracketed(weight);
      product.textContent = fits ? format(pixel * weight) : "";
      terms.children[index].className = `term ${pixel * weight ? "" : "zero"}`;
    });
    total.textContent = fits ? `= ${format(value)}` : "";
    spoken.setAttribute("aria-live", playing ? "off" : "polite");
    spoken.textContent = fits
      ? word("here", { row: row + 1, column: column + 1, value: format(value) })
      : word("no_output");
  }
  // Draw what follows from the traits that changed; `changed` is emptied.
  function draw() {
    const has = (...names) => names.some((name) => changed.has(name));
    root.classList.toggle("numbers", state.numbers);
    root.classList.toggle("wide-sum", !state.numbers || Math.max(...state.kernelSize) > 3);
    if (has("theme", "image", "padding")) drawInput();
    if (has("theme", "image", "kernel", "padding", "dilation")) drawKernel();
    drawDropped();
    drawOutput();
    const sizes = String([state.imageSize, state.kernelSize, state.stride, state.padding,
      state.dilation]);
    if (sizes !== sizesDrawn) drawFormula();
    sizesDrawn = sizes;
    changed.clear();
    drawWindow();
    const keyOf = (choices, name) => Object.keys(model.get(choices))
      .find((key) => model.get(choices)[key] === model.get(name)) || "";
    pictures.set(keyOf("pictures", "image"));
    kernels.set(keyOf("kernels", "kernel"));
    sliders.kernel_size.set(state.kernelSize[0]);
    PARAMETERS.slice(2).forEach((name) => sliders[name].set(state[name]));
  }
  const redraw = kit.oncePerFrame(draw);
  const move = kit.oncePerFrame(drawWindow);
  const undo = [
    kit.followTheme(root, () => { changed.add("theme"); redraw(); }),
    ...PARAMETERS.map((name) => kit.onChange(model, [name], () => {
      changed.add(name);
      state = derive(model);
      redraw();
    })),
    kit.onChange(model, ["position"], move),
  ];
  draw();
  return () => { clearInterval(playing); undo.forEach((stopListening) => stopListening()); };
}

export default { render, convolve };
