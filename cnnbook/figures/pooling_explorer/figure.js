// The pooling explorer: a window moves over a picture, the winner of each window is marked, and
// the picture can be shifted to see which output cells change. Up to 14 × 14 every cell shows its
// number; larger inputs are drawn as pictures.

const TRAITS = ["image", "kind", "window", "stride", "ceil", "shift", "gradient"];
const tableOf = (rows, columns, value) => Array.from({ length: rows },
  (_, row) => Array.from({ length: columns }, (_, column) => value(row, column)));
const clamp = (value, most) => Math.max(0, Math.min(value, most));

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
  return tableOf(rows, columns, (row, column) => {
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
  return {
    original, image, kind, window, stride, ceil, shift, output, before, size, shape,
    left: size.map((n, axis) => Math.max(0, n - (shape[axis] - 1) * stride - window)),
    gradient: model.get("gradient") ? gradientOf(image, kind, window, stride, ceil) : null,
    winners: new Set(kind === "max" ? output.flatMap((line, row) => line.map((_, column) =>
      String(winner(under(image, row, column, window, stride)).slice(0, 2)))) : []),
    numbers: Math.max(...size) <= 14,
  };
}

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "pooling_explorer");
  const { element, format } = kit;
  let state = derive(model);
  let playing = null;

  // ---- the parts ------------------------------------------------------------------------------
  const box = (name, ...children) => element("div", { class: `pool-${name}` }, ...children);
  const board = (name, ...layers) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const [frame, title] = [box("frame"), box("title")];
    const grid = box("grid", canvas, ...layers, frame);
    const focus = element("div", { class: "pool-board", tabindex: 0, role: "group" }, grid);
    return { canvas, frame, grid, focus, title,
      node: element("section", { class: `pool-part pool-${name}` }, title, focus) };
  };
  const inputCells = kit.cells((row, column, value) => {
    const [down, right] = state.shift;
    const copy = state.original.map((line) => [...line]);
    if (copy[row - down]?.[column - right] === undefined) return;
    copy[row - down][column - right] = value;
    update({ image: kit.toRows(copy) });
  });
  const marks = element("div", { class: "pool-marks", "aria-hidden": "true" });
  const dropped = [box("dropped"), box("dropped")];
  const outputTexts = element("div", { class: "cnnbook-cells pool-texts" });
  const input = board("input", inputCells.node, marks, ...dropped);
  const output = board("output", outputTexts);
  const [sum, formula, note] = [box("sum"), box("quiet"), box("quiet")];
  const effect = element("div", { class: "pool-effect", role: "status", "aria-live": "polite" });
  const spoken = kit.live();

  // ---- the controls ---------------------------------------------------------------------------
  const kinds = kit.select({ label: word("kind"), onInput: (kind) => update({ kind }),
    options: ["max", "average"].map((kind) => [kind, word(kind)]) });
  const given = model.get("pictures");
  const pictures = kit.select({ label: word("picture"),
    options: [["", word("own_picture")], ...Object.keys(given).map((key) => [key, key])],
    onInput: (key) => update({ image: given[key] }) });
  const sliders = Object.fromEntries([
    ["window", 2, 4, (value) => ({ window: value })],
    ["stride", 1, 4, (value) => ({ stride: value })],
    ["right", -4, 4, (value) => ({ shift: [state.shift[0], value] })],
    ["down", -4, 4, (value) => ({ shift: [value, state.shift[1]] })],
  ].map(([name, min, max, change]) => [name,
    kit.slider({ label: word(name), min, max, onInput: (value) => update(change(value)) })]));
  const tick = (name) => {
    const field = element("input", { type: "checkbox",
      onchange: () => update({ [name]: field.checked }) });
    return { field, node: element("label", { class: "pool-tick" }, field, word(name)) };
  };
  const ticks = { ceil: tick("ceil"), gradient: tick("gradient") };
  const play = kit.button({ label: word("play"), onClick: () => (playing ? stop() : start()) });
  const button = (name, go) => kit.button({ label: word(name), onClick: () => { stop(); go(); } });
  root.append(input.node, output.node,
    element("section", { class: "pool-part pool-reading" }, sum, effect, note, formula, spoken),
    element("section", { class: "pool-part pool-controls" },
      box("buttons", button("first", () => moveTo(0, 0)), button("previous", () => step(-1)),
        play, button("next", () => step(1))),
      kinds.node, pictures.node, ...Object.values(sliders).map((one) => one.node),
      ...Object.values(ticks).map((one) => one.node)),
    box("help pool-quiet", word("help")));

  // ---- what the reader does -------------------------------------------------------------------
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
    const next = clamp(row * state.shape[1] + column + by, state.shape[0] * state.shape[1] - 1);
    moveTo(Math.floor(next / state.shape[1]), next % state.shape[1]);
  }
  const atEnd = () => String(model.get("position")) === String(state.shape.map((n) => n - 1));
  function start() {
    if (kit.reducedMotion()) { step(1); return; }
    if (atEnd()) moveTo(0, 0);
    const pause = Math.max(60, Math.min(800, 12000 / (state.shape[0] * state.shape[1])));
    playing = setInterval(() => { if (atEnd()) stop(); else step(1); }, pause);
    play.textContent = word("pause");
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
  // The window follows the pointer: `cells` is the table under it, `place` turns cell into window.
  function follow(grid, cells, place) {
    const go = (event) => {
      if (event.type === "pointerdown") stop();
      else if (playing || event.pointerType !== "mouse") return;
      const [{ top, left, height, width }, [rows, columns]] = [grid.getBoundingClientRect(), cells()];
      moveTo(place(Math.floor(((event.clientY - top) / height) * rows)),
        place(Math.floor(((event.clientX - left) / width) * columns)));
    };
    grid.addEventListener("pointermove", go);
    grid.addEventListener("pointerdown", go);
  }
  follow(input.grid, () => state.size, (cell) => Math.floor(cell / state.stride));
  follow(output.grid, () => state.shape, (cell) => cell);

  // ---- the drawing ----------------------------------------------------------------------------
  function lay(node, [rows, columns], top, left, height, width) {
    const [down, right] = [100 / rows, 100 / columns]; // of one cell, in percent
    node.style.cssText = `top:${top * down}%;left:${left * right}%;`
      + `height:${height * down}%;width:${width * right}%`;
    node.hidden = height <= 0 || width <= 0;
    return node;
  }
  function fit({ grid, title, focus }, name, [rows, columns]) {
    const [most, own] = [Math.max(...state.size), Math.max(rows, columns)];
    grid.style.cssText = `--most:${most};--own:${own};--rows:${rows};--columns:${columns}`;
    title.textContent = `${word(name)} ${rows} × ${columns}`;
    focus.setAttribute("aria-label", `${title.textContent}: ${word("move")}`);
  }
  function paint(canvas, table, name, tint) {
    const all = state.image.flat();
    const [most, least] = [Math.max(1e-12, ...all.map(Math.abs)), Math.min(0, ...all)];
    const [ground, own, below, orange] = ["ground", name, "below", "kernel"].map(
      (colour) => kit.colour(root, colour));
    kit.paint(canvas, table.length, table[0].length, (row, column) => {
      const v = table[row][column];
      if (state.numbers) return kit.mix(ground, v < 0 ? below : own, (0.4 * Math.abs(v)) / most);
      return kit.mix(Array(3).fill((255 * (v - least)) / (most - least || 1)), orange,
        tint(row, column));
    });
  }
  const isChanged = (row, column) => state.output[row][column] !== state.before[row][column];
  function drawInput() {
    const { image, size, shift, left, gradient, winners, numbers } = state;
    const known = (row, column) =>
      state.original[row - shift[0]]?.[column - shift[1]] !== undefined;
    const strongest = gradient ? Math.max(...gradient.flat()) : 1;
    fit(input, "input", size);
    paint(input.canvas, image, "input", (row, column) =>
      (gradient ? (0.8 * gradient[row][column]) / strongest : 0));
    if (numbers) {
      inputCells.set(image, {
        fixed: (row, column) => !known(row, column),
        name: (row, column) => (known(row, column)
          ? word("input_cell", { row: row + 1, column: column + 1 }) : word("came_in")),
      });
    }
    marks.replaceChildren(...(numbers ? image.flatMap((line, row) => line.map((_, column) => {
      const share = gradient?.[row][column];
      const won = winners.has(`${row},${column}`);
      if (!share && !won) return null;
      return lay(box(won ? "mark pool-won" : "mark", share ? format(share) : ""),
        size, row, column, 1, 1);
    })) : []).filter(Boolean));
    lay(dropped[0], size, size[0] - left[0], 0, left[0], size[1]);
    lay(dropped[1], size, 0, size[1] - left[1], size[0] - left[0], left[1]);
  }
  function drawOutput() {
    const { output: table, before, shape, numbers } = state;
    fit(output, "output", shape);
    paint(output.canvas, table, "output", (row, column) => (isChanged(row, column) ? 0.45 : 0));
    outputTexts.replaceChildren(...(numbers ? table.flatMap((line, row) => line.map((v, column) => {
      const old = isChanged(row, column);
      const cell = element("div", { class: old ? "pool-changed" : "" }, format(v),
        ...(old ? [element("small", {}, `← ${format(before[row][column])}`)] : []));
      cell.style.setProperty("--length", Math.max(2, format(v).length));
      return cell;
    })) : []));
    const changed = table.flatMap((line, row) => line.filter((_, c) => isChanged(row, c))).length;
    const [down, right] = state.shift.map(format);
    effect.textContent = word(state.shift.some(Boolean) ? "moved" : "not_moved",
      { down, right, changed, total: table.flat().length });
    note.textContent = state.gradient ? word("gets") : state.left.some(Boolean) ? word("dropped") : "";
  }
  function drawFormula() {
    const { size, shape, window, stride, ceil } = state;
    const [open, close, round] = ceil ? ["⌈", "⌉", Math.ceil] : ["⌊", "⌋", Math.floor];
    const axes = size[0] === size[1] ? [0] : [0, 1];
    formula.textContent = `${word("size")}: ${axes.map((axis) => {
      const one = round((size[axis] - window) / stride) + 1 > shape[axis]; // would start outside
      return `${open}(${size[axis]} − ${window}) / ${stride}${close} + 1${one ? " − 1" : ""} = ${shape[axis]}`;
    }).join(", ")}`;
  }
  function drawWindow() {
    const { image, kind, window, stride, size, shape } = state;
    const [row, column] = model.get("position").map((p, axis) => clamp(p, shape[axis] - 1));
    const cells = under(image, row, column, window, stride);
    const value = format(state.output[row][column]);
    const [bottom, right] = cells[cells.length - 1];
    lay(input.frame, size, row * stride, column * stride,
      bottom + 1 - row * stride, right + 1 - column * stride);
    lay(output.frame, shape, row, column, 1, 1);
    const best = winner(cells);
    const terms = cells.flatMap((cell, index) => [index ? (kind === "max" ? ", " : " + ") : "",
      element("b", { class: kind === "max" && cell === best ? "pool-best" : "" }, format(cell[2]))]);
    const total = element("b", { class: "pool-total" }, value);
    sum.replaceChildren(kind === "max" ? "max(" : "(", ...terms,
      kind === "max" ? ") = " : `) / ${cells.length} = `, total);
    spoken.setAttribute("aria-live", playing ? "off" : "polite");
    spoken.textContent = word("here", { row: row + 1, column: column + 1, value });
  }
  function drawAll() {
    root.classList.toggle("pool-numbers", state.numbers);
    drawInput();
    drawOutput();
    drawFormula();
    drawWindow();
    kinds.set(state.kind);
    pictures.set(Object.keys(given).find((key) => given[key] === model.get("image")) || "");
    ["window", "stride"].forEach((name) => sliders[name].set(state[name]));
    ["down", "right"].forEach((name, axis) => sliders[name].set(state.shift[axis]));
    ["ceil", "gradient"].forEach((name) => { ticks[name].field.checked = model.get(name); });
  }
  const redraw = kit.oncePerFrame(drawAll);
  const move = kit.oncePerFrame(drawWindow);
  const undo = [
    kit.followTheme(root, redraw),
    kit.onChange(model, TRAITS, () => { state = derive(model); redraw(); }),
    kit.onChange(model, ["position"], move),
  ];
  drawAll();
  return () => { clearInterval(playing); undo.forEach((stopListening) => stopListening()); };
}

export default { render, pool, gradientOf, shifted };
