// uses kit/network.js
// A whole trained network, live. The reader picks a picture or draws one; every value of every
// layer is computed here, in plain loops, and any of them can be asked how it came about.

const { LAYERS, MEAN, SHAPES, SIDE, STD, below, bytes, decode, forward, toBase64 } = smallNetwork;
const PAPER = [SIDE, SIDE];
const HIDDEN = LAYERS.slice(1, 5); // all but the picture and the logits

// The values in full colour, a layer each: the same ones for every picture.
function scalesOf(network, pictures) {
  const examples = pictures.map((picture) => forward(network, bytes(picture)));
  return Object.fromEntries(LAYERS.map((layer) => {
    const all = Float32Array.from(examples.flatMap((one) => [...one[layer]])).sort();
    return [layer, Math.max(1e-6, all[Math.floor(0.995 * all.length)])];
  }));
}

// How one value came about: for each channel of the layer below the window, the kernel on it and
// the sum of their products (null on padding). A logit is a kernel as large as the map.
/** @type {(network: any, values: any, layer: string, place: number[]) => any} */
function explain(network, values, layer, [filter, row, column]) {
  const [channels, rows, columns] = SHAPES[below(layer)];
  const { weight, bias } = network[layer] || {};
  const [size, top, left] = { l: [7, 0, 0], c: [3, row - 1, column - 1],
    p: [2, 2 * row, 2 * column] }[layer[0]];
  const used = weight ? [...Array(channels).keys()] : [filter];
  const terms = used.map((channel) => {
    const window = kit.tableOf(size, size, (i, j) => {
      const [y, x] = [top + i, left + j];
      const inside = y >= 0 && y < rows && x >= 0 && x < columns;
      return inside ? values[below(layer)][(channel * rows + y) * columns + x] : null;
    });
    const kernel = weight && kit.tableOf(size, size, (i, j) =>
      weight[((filter * channels + channel) * size + i) * size + j]);
    const products = weight && kit.tableOf(size, size, (i, j) => window[i][j] * kernel[i][j]);
    return { channel, top, left, window, kernel, products,
      sum: weight && products.flat().reduce((a, b) => a + b) };
  });
  const sum = weight && terms.reduce((all, term) => all + term.sum, 0);
  return { terms, sum, bias: weight && bias[filter] };
}

// Which cells of each layer below a value depends on: { layer: [top, left, bottom, right] }.
function regions(layer, [, row, column]) {
  const found = {};
  let [top, left, bottom, right] = [row, column, row, column];
  for (let upper = layer; upper !== "input"; upper = below(upper)) {
    const [, rows, columns] = SHAPES[below(upper)];
    if (upper === "logits") [top, left, bottom, right] = [0, 0, rows - 1, columns - 1];
    else if (upper.startsWith("conv")) {
      [top, left] = [Math.max(0, top - 1), Math.max(0, left - 1)];
      [bottom, right] = [Math.min(rows - 1, bottom + 1), Math.min(columns - 1, right + 1)];
    } else [top, left, bottom, right] = [2 * top, 2 * left, 2 * bottom + 1, 2 * right + 1];
    found[below(upper)] = [top, left, bottom, right];
  }
  return found;
}

// ---- the drawing of the reader ------------------------------------------------------------------

// A round spot of a brush, soft at its rim; white, or black when it erases.
function stamp(pixels, [row, column], radius, erase) {
  for (let place = 0; place < pixels.length; place += 1) {
    const distance = Math.hypot(Math.floor(place / SIDE) - row, (place % SIDE) - column);
    const paint = 255 * kit.clamp(radius + 0.5 - distance, 0, 1);
    pixels[place] = erase ? Math.min(pixels[place], 255 - paint) : Math.max(pixels[place], paint);
  }
}

function stroke(pixels, from, to, radius, erase) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let step = 0; step <= steps; step += 1) {
    const spot = from.map((start, axis) => start + ((to[axis] - start) * step) / steps);
    stamp(pixels, spot, radius, erase);
  }
}

// What is drawn, moved so that as much room is left above as below, and left as right.
function centre(pixels) {
  const drawn = [...pixels.keys()].filter((place) => pixels[place] > 20);
  if (!drawn.length) return pixels;
  const [down, right] = [(p) => Math.floor(p / SIDE), (p) => p % SIDE].map((axis) => {
    const places = drawn.map(axis);
    return Math.trunc((SIDE - 1 - Math.min(...places) - Math.max(...places)) / 2);
  });
  return pixels.map((_, place) => {
    const [row, column] = [Math.floor(place / SIDE) - down, (place % SIDE) - right];
    const inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
    return inside ? pixels[row * SIDE + column] : 0;
  });
}

// ---- what the reader does -----------------------------------------------------------------------

const UNIT = ["layer", "position"];
const VALUES = ["weights", "picture"];

function makeView({ model, el }, mark) {
  const figure = kit.figure(el, model, "network_explorer");
  const { get } = figure;
  const follows = (names, compute) => kit.derived(model, names, compute);
  const network = follows(["weights"], () => decode(get("weights")));
  const pixels = follows(["picture"], () => bytes(get("picture")));
  const values = follows(VALUES, () => forward(network(), pixels()));
  const scales = follows(["weights"], () => scalesOf(network(), get("pictures")));
  // A layer, and a place that is inside it whatever Python sent first.
  const layer = () => get("layer");
  const place = () => kit.inside(get("position"), SHAPES[layer()]);
  const explained = follows([...VALUES, ...UNIT], () =>
    (layer() === "input" ? null : explain(network(), values(), layer(), place())));
  // The channel whose tables are shown: the main one, and it stays open while the picture changes.
  const opened = follows(UNIT, () => ({ channel: null }));
  function term() {
    const { terms } = explained();
    opened().channel ??= mainTerm(terms).channel;
    return terms.find(({ channel }) => channel === opened().channel);
  }
  const view = { ...figure, mark, network, pixels, values, scales, layer, place, explained, term };
  return {
    ...view, ...makeBrush(view), ...makeWay(view),
    open(channel) { opened().channel = channel; mark("open"); },
  };
}

// How the picture is changed, by a pen that is pressed or a brush that is moved with keys.
function makeBrush({ get, put, pixels, mark }) {
  const past = kit.earlier(50);
  const brush = { place: [14, 14], thickness: 2, erases: false, pen: null };
  const remember = () => past.remember({ label: get("label"), picture: get("picture") });
  return {
    brush, remember,
    change(picture, label = null) { remember(); put({ label, picture }); },
    back: () => put(past.back() || {}),
    paint(from, to) {
      const copy = pixels().slice();
      stroke(copy, from, to, 0.75 * brush.thickness, brush.erases);
      put({ label: null, picture: toBase64(copy) });
    },
    lift() { brush.pen = null; mark("pen"); },
  };
}

const mainTerm = (terms) => terms.reduce((a, b) => (Math.abs(b.sum) > Math.abs(a.sum) ? b : a));

// How one goes from value to value: anywhere, down to a cell of the window, and back up.
function makeWay({ put, mark, layer, place, explained, term: shownTerm }) {
  let trail = []; // units to go back up to
  const choose = (next, position) =>
    put({ layer: next, position: kit.inside(position, SHAPES[next]) });
  function enter(term, cell) {
    const side = term.window.length;
    trail.push([layer(), place()]);
    choose(below(layer()),
      [term.channel, term.top + Math.floor(cell / side), term.left + (cell % side)]);
    return true;
  }
  return {
    jump(next, position) { trail = []; mark("trail"); choose(next, position); },
    enter: (cell) => enter(shownTerm(), cell),
    descend() { // to the cell that had the largest share
      if (layer() === "input") return false;
      const term = mainTerm(explained().terms);
      const shares = (term.products || term.window).flat().map(Math.abs);
      return enter(term, shares.indexOf(Math.max(...shares)));
    },
    ascend() {
      if (!trail.length) return false;
      choose(...trail.pop());
      return true;
    },
    canAscend: () => trail.length > 0,
  };
}

function listenToBrush({ brush, remember, paint, lift, mark }, { boards: { input } }) {
  kit.follow(input.maps[0].node, (shares, { type }) => {
    const next = shares.map((share) => share * SIDE - 0.5);
    if (type === "pointerdown") remember();
    else if (!brush.pen) return;
    paint(brush.pen || next, next);
    brush.pen = next;
  }, { hover: false, rest: lift });
  const path = kit.walk({
    place: () => brush.place, shape: () => PAPER,
    go: (place) => { brush.place = place; mark("brush"); },
  });
  const along = (from) => { remember(); paint(from, brush.place); };
  const dab = () => along(brush.place);
  kit.keys(input.board, {
    path, more: { " ": dab, Enter: dab, Escape: lift },
    arrow(down, right, { shiftKey }) {
      const from = brush.place;
      path.by(down, right);
      if (shiftKey) along(from);
    },
  });
}

function listenToKeys({ layer, place, jump, descend, ascend }, own, board, went) {
  const here = () => layer() === own;
  const path = kit.walk({
    place: () => (here() ? place() : [0, 0, 0]), shape: () => SHAPES[own],
    go: (next) => jump(own, next),
  });
  kit.keys(board, {
    path, more: { Enter: () => went(descend()), Backspace: () => went(ascend()) },
    arrow(down, right, { shiftKey }) {
      if (!here()) path.first(); // the first arrow comes over
      else if (shiftKey || own === "logits") path.by(down + right, 0, 0);
      else path.by(0, down, right);
    },
  });
}

// A press on a map, or along maps, goes to the cell under the pointer.
function listenToMaps({ jump }, own, { board, maps }) {
  kit.follow(board, (_, event) => {
    const node = kit.under(board, event, ".net-map");
    if (!node) return;
    const { top, left, height, width } = node.getBoundingClientRect();
    const shares = [(event.clientY - top) / height, (event.clientX - left) / width];
    const cell = shares.map((share, axis) => Math.floor(share * SHAPES[own][axis + 1]));
    jump(own, [maps.findIndex((map) => map.node === node), ...cell]);
  }, { hover: false });
}

function listen(view, parts, went) {
  listenToBrush(view, parts);
  HIDDEN.forEach((layer) => {
    listenToKeys(view, layer, parts.boards[layer].board, went);
    listenToMaps(view, layer, parts.boards[layer]);
  });
  listenToKeys(view, "logits", parts.barBoard, went);
}

// Where the keys go on from after a way down or up.
function focusUnit({ layer }, { boards, barBoard, up }) {
  const board = { input: up, logits: barBoard }[layer()] || boards[layer()].board;
  up.disabled = false;
  board.focus({ preventScroll: true });
}

// ---- the parts ----------------------------------------------------------------------------------

const part = (name, ...children) =>
  kit.element("section", { class: `net-part net-${name}` }, ...children);
const group = (kind, label, children) =>
  kit.element("div", { class: kind, tabindex: 0, role: "group", "aria-label": label }, ...children);

function makeLayers({ word, get, jump }) {
  const { element } = kit;
  const size = (layer) => SHAPES[layer].slice(layer === "input" ? 1 : 0).join(" × ");
  const title = (name, note) => element("div", { class: "net-title" },
    element("b", {}, word(name)), element("span", {}, note));
  const picture = (kind) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const frame = element("div", { class: "net-frame" });
    return { canvas, frame, node: element("div", { class: kind }, canvas, frame) };
  };
  const boards = Object.fromEntries(LAYERS.slice(0, 5).map((layer) => {
    const maps = Array.from({ length: SHAPES[layer][0] }, () => picture("net-map"));
    const board = group("net-board", `${word(layer)} ${size(layer)}: ${word("move")}`,
      maps.map((map) => map.node));
    return [layer, { maps, board, node: part(layer, title(layer, size(layer)), board) }];
  }));
  const cursor = element("div", { class: "net-cursor" });
  boards.input.maps[0].node.append(cursor);
  const strip = picture("net-strip");
  boards.pool2.node.append(element("div", { class: "net-flat" }, word("flat"), strip.node));
  const bars = get("classes").map((name, k) => element("div",
    { class: "net-bar", onclick: () => jump("logits", [k, 0, 0]) },
    element("span", {}, name), element("span", { class: "net-quiet" }), element("b")));
  const barBoard = group("net-bars", `${word("logits")}: ${word("move_bars")}`, bars);
  const [answer, truth] = ["answer", "quiet"].map((name) =>
    element("div", { class: `net-${name}` }));
  const logits = part("logits", title("logits", word("columns")), barBoard, answer, truth);
  return { boards, cursor, strip, bars, barBoard, answer, truth, logits };
}

function makeTools({ word, get, brush, change, back, pixels, mark }) {
  const { element } = kit;
  const button = (name, onClick) => kit.button({ label: word(name), onClick });
  const choice = kit.select({
    label: word("picture"),
    options: [["", word("own")], ...get("classes").map((name, k) => [k, name])],
    onInput: (k) => change(get("pictures")[k], Number(k)),
  });
  const thickness = kit.slider({
    label: word("brush"), min: 1, max: 3,
    onInput: (value) => { brush.thickness = value; mark("brush"); },
  });
  const eraser = button("erase", () => { brush.erases = !brush.erases; mark("brush"); });
  const edit = (name, picture) => button(name, () => change(toBase64(picture())));
  const tools = part("tools", choice.node, thickness.node, element("div", { class: "net-buttons" },
    eraser, button("undo", back),
    edit("clear", () => new Uint8Array(SIDE * SIDE)),
    edit("invert", () => pixels().map((pixel) => 255 - pixel)),
    edit("centre", () => centre(pixels()))));
  return { choice, thickness, eraser, tools };
}

// The sum: the line that adds up, a chip for every channel, the tables of one of them.
function makeSum({ word, enter, descend, ascend }, went) {
  const { element } = kit;
  const spoken = kit.live();
  const [equation, share, chips] = ["equation", "caption", "chips"].map((name) =>
    element("div", { class: `net-${name}` }));
  const table = (kind, make) => {
    const [caption, cells] = ["caption", "cells"].map((name) =>
      element("div", { class: `net-${name}` }));
    const canvas = element("canvas", { "aria-hidden": "true" });
    const node = element("div", { class: `net-table net-${kind}` }, caption,
      element("div", { class: "net-ground" }, canvas, cells));
    return { caption, cells, canvas, node, make };
  };
  const span = () => element("span");
  const tables = {
    window: table("window", (cell) =>
      element("button", { type: "button", onclick: () => went(enter(cell)) })),
    kernel: table("kernel", span), products: table("products", span),
  };
  const signs = ["×", "="].map((sign) => element("div", { class: "net-sign" }, sign));
  const tableLine = element("div", { class: "net-tables" }, tables.window.node, signs[0],
    tables.kernel.node, signs[1], tables.products.node);
  const button = (sign, name, go) =>
    kit.button({ label: `${sign} ${word(name)}`, onClick: () => went(go()) });
  const [down, up] = [button("↓", "down", descend), button("↑", "up", ascend)];
  const sum = part("sum", element("div", { class: "net-head" }, spoken,
    element("div", { class: "net-buttons" }, down, up)), equation, share, chips, tableLine);
  return { spoken, equation, share, chips, tables, signs, tableLine, down, up, sum };
}

function makeParts(view, went) {
  const parts = { ...makeLayers(view), ...makeTools(view), ...makeSum(view, went) };
  const { boards, tools, logits, sum } = parts;
  const heard = kit.live();
  heard.classList.add("net-heard");
  view.root.append(boards.input.node, tools, ...HIDDEN.map((layer) => boards[layer].node), logits,
    sum, part("help", view.word("help"), heard));
  return { ...parts, heard, resting: null, shades: {} };
}

// ---- the drawing: all layers --------------------------------------------------------------------

// A colour for each of 129 strengths from −1 to 1; there are 13,000 values to paint at each move.
function mixShades({ root }, { shades }) {
  const [ground, below] = ["ground", "below"].map((name) => kit.colour(root, name));
  const names = { window: "input", kernel: "kernel", products: "above" };
  Object.entries(names).forEach(([kind, name]) => {
    const above = kit.colour(root, name);
    shades[kind] = Array.from({ length: 129 }, (_, k) =>
      kit.mix(ground, k < 64 ? below : above, Math.abs(k - 64) / 64));
  });
}

// The values from `start` on.
function paintValues(shades, canvas, [rows, columns], values, most, start = 0) {
  kit.paint(canvas, rows, columns, (row, column) => {
    const strength = values[start + row * columns + column] / most;
    return shades[Math.round(64 * kit.clamp(strength, -1, 1)) + 64];
  });
}

function drawMaps({ pixels, values, scales }, { boards, strip, shades: { products } }) {
  kit.paint(boards.input.maps[0].canvas, SIDE, SIDE, (row, column) =>
    kit.grey(pixels()[row * SIDE + column]));
  HIDDEN.forEach((layer) => {
    const [, rows, columns] = SHAPES[layer];
    boards[layer].maps.forEach(({ canvas }, channel) => paintValues(products, canvas,
      [rows, columns], values()[layer], scales()[layer], channel * rows * columns));
  });
  const { pool2 } = values();
  paintValues(products, strip.canvas, [1, pool2.length], pool2, scales().pool2);
}

function drawAnswer({ word, get, values }, parts) {
  const { bars, answer, truth, choice, heard } = parts;
  const { logits, softmax } = values();
  const [classes, label] = [get("classes"), get("label")];
  const best = softmax.indexOf(Math.max(...softmax));
  bars.forEach((bar, k) => {
    bar.style.setProperty("--share", `${(100 * softmax[k]).toFixed(1)}%`);
    kit.write(bar.children[1], kit.digits(logits[k]));
    kit.write(bar.children[2], kit.percent(softmax[k]));
    bar.classList.toggle("net-best", k === best);
  });
  const share = kit.percent(softmax[best]);
  const right = label === best;
  kit.write(answer, `${classes[best]} ${share}`);
  kit.write(truth, label === null ? word("no_truth")
    : `${right ? "✓" : "✗"} ${word(right ? "right" : "wrong", { name: classes[label] })}`);
  const known = get("pictures").indexOf(get("picture"));
  choice.set(known < 0 ? "" : known);
  clearTimeout(parts.resting); // what is read out waits until the hand rests
  parts.resting = setTimeout(() =>
    kit.write(heard, word("answer", { name: classes[best], share })), 400);
}

function drawBrush({ word, brush }, { boards, cursor, thickness, eraser }) {
  const share = (cells) => `${(100 * cells) / SIDE}%`;
  const [row, column] = brush.place;
  cursor.style.top = share(row + 0.5);
  cursor.style.left = share(column + 0.5);
  cursor.style.width = share(1.5 * brush.thickness + 1);
  thickness.set(brush.thickness);
  eraser.setAttribute("aria-pressed", String(brush.erases));
  boards.input.board.setAttribute("aria-label",
    `${word("paper")} ${word("brush_at", { row: row + 1, column: column + 1 })}`);
}

// The value, and around what it depends on, in every layer below.
function drawFrames(view, { boards, bars, strip }) {
  const [layer, [channel, row, column]] = [view.layer(), view.place()];
  const frames = { [layer]: [row, column, row, column], ...regions(layer, view.place()) };
  let every = false; // does the value depend on every map of this layer, or on one?
  LAYERS.slice(0, 5).reverse().forEach((name) => {
    const [top, left, bottom, right] = frames[name] || [];
    const above = LAYERS[LAYERS.indexOf(name) + 1];
    every ||= name !== layer && name in frames && !above.startsWith("pool");
    const kind = name === layer ? "unit" : name === below(layer) ? "near" : "far";
    boards[name].maps.forEach(({ frame }, k) => {
      const shown = name in frames && (every || k === channel);
      frame.className = `net-frame ${shown ? `net-${kind}` : ""}`;
      if (!shown) return;
      kit.lay(frame, SHAPES[name].slice(1), [top, left], [bottom + 1 - top, right + 1 - left]);
    });
  });
  bars.forEach((bar, k) =>
    bar.classList.toggle("net-chosen", layer === "logits" && k === channel));
  const flat = 49 * channel + 7 * row + column; // its place when the maps are laid end to end
  strip.frame.className = `net-frame ${layer === "pool2" ? "net-unit" : ""}`;
  kit.lay(strip.frame, [1, 784], [0, flat], [1, 1]);
}

// ---- the drawing: one value ---------------------------------------------------------------------

function drawValue(view, { spoken, equation, share, chips, tableLine, down, up }) {
  const { word, get, values, brush, canAscend } = view;
  const [layer, [channel, row, column]] = [view.layer(), view.place()];
  const [, rows, columns] = SHAPES[layer];
  const value = values()[layer][(channel * rows + row) * columns + column];
  const place = { layer: word(layer), map: channel + 1, row: row + 1, column: column + 1 };
  const unit = layer === "logits" ? word("unit_logit", { name: get("classes")[channel] })
    : word(layer === "input" ? "unit_pixel" : "unit", place);
  spoken.setAttribute("aria-live", brush.pen ? "off" : "polite");
  kit.write(spoken, word("here", { unit, value: kit.digits(value) }));
  down.disabled = layer === "input";
  up.disabled = !canAscend();
  tableLine.hidden = layer === "input";
  share.hidden = chips.hidden = layer === "input" || view.explained().terms.length === 1;
  equation.replaceChildren(...writeSum(view, layer, value));
}

// The line that adds up to the value.
function writeSum({ word, pixels, values, place, explained }, layer, value) {
  const { element, digits } = kit;
  const [channel, row, column] = place();
  const result = (text) => element("b", { class: "net-y" }, text);
  const input = (text) => element("b", { class: "net-x" }, text);
  const power = (text) => element("sup", {}, text);
  const y = result(digits(value));
  if (layer === "input") {
    return ["(", input(pixels()[row * SIDE + column]), ` ÷ 255 − ${MEAN}) ÷ ${STD} = `, y,
      element("div", { class: "net-quiet" },
        word("normalised", { mean: MEAN, deviation: STD }))];
  }
  const { terms: [first], sum, bias } = explained();
  if (layer.startsWith("pool")) {
    const four = first.window.flat().map((one) => digits(one));
    return ["max(", input(four.join(", ")), ") = ", y];
  }
  const added = `${word("products")} ${digits(sum)} + ${word("bias")} `
    + `${bias < 0 ? `(${digits(bias)})` : digits(bias)} = `;
  if (layer.startsWith("conv")) return [added, digits(sum + bias), " → ReLU → ", y];
  return [added, y, ` → ${word("softmax")}: e`, power(digits(value)), " ÷ Σ e",
    power(word("logit")), " = ", result(kit.percent(values().softmax[channel]))];
}

// A chip a channel: its kernel …
function drawChipKernels({ word, explained, open }, { share, chips, shades }) {
  const { element } = kit;
  if (chips.hidden) return;
  const { terms } = explained();
  kit.write(share, word("shares", { count: terms.length }));
  const make = () => {
    const own = chips.children.length;
    return element("button", { type: "button", class: "net-chip", onclick: () => open(own) },
      element("canvas"), element("canvas"), element("span"));
  };
  kit.children(chips, terms.length, make).forEach((chip, channel) => {
    const kernel = terms[channel].kernel.flat();
    const side = terms[channel].kernel.length;
    paintValues(shades.kernel, chip.children[1], [side, side], kernel, kit.largest(kernel));
  });
}

// … and what it finds in the picture.
function drawChips({ word, layer, explained, scales, term }, { chips, shades }) {
  if (chips.hidden) return;
  const most = scales()[below(layer())];
  explained().terms.forEach(({ channel, window, sum }) => {
    const chip = chips.children[channel];
    const text = (sum < 0 ? "" : "+") + kit.digits(sum);
    paintValues(shades.window, chip.firstChild, [window.length, window.length], window.flat(),
      most);
    chip.setAttribute("aria-pressed", String(channel === term().channel));
    if (chip.lastChild.textContent === text) return;
    chip.lastChild.textContent = text;
    chip.setAttribute("aria-label", word("chip", { map: channel + 1, sum: kit.digits(sum) }));
  });
}

// The cells of the tables, and what they are called.
function drawTables({ word, layer, term }, { tables, signs, tableLine }) {
  if (layer() === "input") return;
  const source = word(below(layer()));
  const { channel, top, left, window, kernel } = term();
  const side = window.length;
  kit.write(tables.window.caption, word(layer() === "conv1" ? "window_input" : "window",
    { layer: source, map: channel + 1 }));
  kit.write(tables.kernel.caption, word(layer() === "logits" ? "weights" : "kernel"));
  kit.write(tables.products.caption, word("each_product"));
  tableLine.classList.toggle("net-large", side > 3);
  tableLine.style.setProperty("--columns", String(side));
  signs.forEach((sign) => { sign.hidden = !kernel; });
  Object.entries(tables).forEach(([kind, { cells, node, make }]) => {
    node.hidden = kind !== "window" && !kernel;
    kit.children(cells, node.hidden ? 0 : side * side, () => make(cells.children.length));
  });
  [...tables.window.cells.children].forEach((/** @type {HTMLButtonElement} */ cell, k) => {
    const place = { row: top + Math.floor(k / side) + 1, column: left + (k % side) + 1 };
    cell.title = word("go", { layer: source, ...place });
    cell.disabled = window.flat()[k] === null;
  });
}

function drawNumbers({ layer, term, scales }, { tables, shades }) {
  if (layer() === "input") return;
  const shown = term();
  const side = shown.window.length;
  Object.entries(tables).forEach(([kind, { cells, canvas, node }]) => {
    if (node.hidden) return;
    const numbers = shown[kind].flat();
    const most = Math.max(kit.largest(numbers), kind === "window" ? scales()[below(layer())] : 0);
    numbers.forEach((number, k) => kit.write(cells.children[k], kit.digits(number + 0)));
    // paler than a map: there are numbers on it
    paintValues(shades[kind], canvas, [side, side], numbers, most / 0.6);
  });
}

function render({ model, el }) {
  const view = makeView({ model, el }, (...names) => clock.mark(...names));
  const went = (moved) => { if (moved) focusUnit(view, parts); };
  const parts = makeParts(view, went);
  listen(view, parts, went);
  const draw = (one) => () => one(view, parts);
  const clock = kit.clock(view.root, model, [
    [draw(mixShades), "theme"],
    [draw(drawMaps), "theme", ...VALUES],
    [draw(drawAnswer), ...VALUES, "label"],
    [draw(drawBrush), "brush"],
    [draw(drawFrames), ...UNIT],
    [draw(drawValue), ...VALUES, ...UNIT, "trail", "pen"],
    [draw(drawChipKernels), "theme", "weights", ...UNIT],
    [draw(drawChips), "theme", ...VALUES, ...UNIT, "open"],
    [draw(drawTables), ...UNIT, "open"],
    [draw(drawNumbers), "theme", ...VALUES, ...UNIT, "open"],
  ]);
  return () => { clearTimeout(parts.resting); clock.stop(); };
}

export default { render, decode, forward, explain, regions, stroke, centre };
