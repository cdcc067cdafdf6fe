// uses kit/network.js
// A whole trained network, live. The reader picks a picture or draws one; every value of every
// layer is computed here, in plain loops, and any of them can be asked how it came about.

const {
  LAYERS, MEAN, SHAPES, SIDE, STD, below, bytes, decode, forward, painter, toBase64,
} = smallNetwork;
const tableOf = (size, value) => Array.from({ length: size },
  (_, row) => Array.from({ length: size }, (_, column) => value(row, column)));
const clamp = (value, least, most) => Math.max(least, Math.min(value, most));

// How one value came about: for each channel of the layer below the window, the kernel on it and
// the sum of their products (null on padding). A logit is a kernel as large as the map.
function explain(network, values, layer, [filter, row, column]) {
  const [channels, rows, columns] = SHAPES[below(layer)];
  const { weight, bias } = network[layer] || {};
  const [size, top, left] = { l: [7, 0, 0], c: [3, row - 1, column - 1],
    p: [2, 2 * row, 2 * column] }[layer[0]];
  const used = weight ? [...Array(channels).keys()] : [filter];
  const terms = used.map((channel) => {
    const window = tableOf(size, (i, j) => {
      const [y, x] = [top + i, left + j];
      const inside = y >= 0 && y < rows && x >= 0 && x < columns;
      return inside ? values[below(layer)][(channel * rows + y) * columns + x] : null;
    });
    const kernel = weight && tableOf(size, (i, j) =>
      weight[((filter * channels + channel) * size + i) * size + j]);
    const products = weight && tableOf(size, (i, j) => window[i][j] * kernel[i][j]);
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

// ---- the drawing of the reader --------------------------------------------------------------

// A round spot of a brush, soft at its rim; white, or black when it erases.
function stamp(pixels, [row, column], radius, erase) {
  for (let place = 0; place < pixels.length; place += 1) {
    const distance = Math.hypot(Math.floor(place / SIDE) - row, (place % SIDE) - column);
    const paint = 255 * clamp(radius + 0.5 - distance, 0, 1);
    pixels[place] = erase ? Math.min(pixels[place], 255 - paint) : Math.max(pixels[place], paint);
  }
}

function stroke(pixels, from, to, radius, erase) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let step = 0; step <= steps; step += 1) {
    stamp(pixels, from.map((start, axis) => start + ((to[axis] - start) * step) / steps), radius, erase);
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

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "network_explorer");
  const { element } = kit;
  const [classes, pictures] = [model.get("classes"), model.get("pictures")];
  let [network, pixels] = [decode(model.get("weights")), bytes(model.get("picture"))];
  let [values, stale] = [null, true]; // must the network be computed again?
  let [pen, brush, erasing] = [null, [14, 14], false]; // a moving pointer; the brush of the keys
  let [earlier, trail] = [[], []]; // pictures to undo; units to go back up to
  let [open, asked, framed, colours, resting] = [null, "", "", {}, 0]; // open: the channel whose tables are shown
  const unit = () => { // a layer, and a place that is inside it whatever Python sent first
    const layer = model.get("layer");
    return [layer, model.get("position").map((p, axis) => clamp(p, 0, SHAPES[layer][axis] - 1))];
  };
  const scales = (() => { // the values in full colour: the same ones for every picture
    const examples = pictures.map((picture) => forward(network, bytes(picture)));
    return Object.fromEntries(LAYERS.map((layer) => {
      const all = examples.flatMap((one) => [...one[layer]]).sort((a, b) => a - b);
      return [layer, Math.max(1e-6, all[Math.floor(0.995 * all.length)])];
    }));
  })();

  // ---- the parts ------------------------------------------------------------------------------
  const size = (layer) => SHAPES[layer].slice(layer === "input" ? 1 : 0).join(" × ");
  const part = (name, ...children) => element("section", { class: `net-part net-${name}` }, ...children);
  const title = (name, note) => element("div", { class: "net-title" },
    element("b", {}, word(name)), element("span", {}, note));
  const picture = (kind, [, rows, columns]) => {
    const [canvas, frame] = [element("canvas", { "aria-hidden": "true" }), element("div", { class: "net-frame" })];
    return { paint: painter(canvas, rows, columns), frame, node: element("div", { class: kind }, canvas, frame) };
  };
  const group = (kind, label, children) =>
    element("div", { class: kind, tabindex: 0, role: "group", "aria-label": label }, ...children);
  const boards = Object.fromEntries(LAYERS.slice(0, 5).map((layer) => {
    const maps = Array.from({ length: SHAPES[layer][0] }, () => picture("net-map", SHAPES[layer]));
    const board = group("net-board", `${word(layer)} ${size(layer)}: ${word("move")}`,
      maps.map((map) => map.node));
    return [layer, { maps, board, node: part(layer, title(layer, size(layer)), board) }];
  }));
  const cursor = element("div", { class: "net-cursor" });
  boards.input.maps[0].node.append(cursor);
  const strip = picture("net-strip", [1, 1, 784]);
  boards.pool2.node.append(element("div", { class: "net-flat" }, word("flat"), strip.node));
  const bars = classes.map((name, k) => element("div", { class: "net-bar", onclick: () => jump("logits", k) },
    element("span", {}, name), element("span", { class: "net-quiet" }), element("b")));
  const barBoard = group("net-bars", `${word("logits")}: ${word("move_bars")}`, bars);
  const [answer, truth] = ["net-answer", "net-quiet"].map((name) => element("div", { class: name }));
  const [heard, spoken] = [kit.live(), kit.live()];
  heard.classList.add("net-heard");

  // The sum: the line that adds up, a chip for every channel, the tables of one of them.
  const equation = element("div", { class: "net-equation" });
  const share = element("div", { class: "net-caption" });
  const chips = element("div", { class: "net-chips" });
  const tables = Object.fromEntries(["window", "kernel", "products"].map((kind) => {
    const [caption, cells] = ["net-caption", "net-cells"].map((name) => element("div", { class: name }));
    const ground = element("canvas", { "aria-hidden": "true" });
    return [kind, { caption, cells, ground, node: element("div", { class: `net-table net-${kind}` }, caption,
      element("div", { class: "net-ground" }, ground, cells)) }];
  }));
  const signs = ["×", "="].map((sign) => element("div", { class: "net-sign" }, sign));
  const tableLine = element("div", { class: "net-tables" }, tables.window.node, signs[0],
    tables.kernel.node, signs[1], tables.products.node);
  const button = (name, onClick, sign = "") => kit.button({ label: sign + word(name), onClick });
  const [down, up] = [button("down", descend, "↓ "), button("up", ascend, "↑ ")];
  const row = (...buttons) => element("div", { class: "net-buttons" }, ...buttons);

  const choice = kit.select({
    label: word("picture"), options: [["", word("own")], ...classes.map((name, k) => [k, name])],
    onInput: (k) => change(bytes(pictures[k]), Number(k)),
  });
  const thickness = kit.slider({ label: word("brush"), min: 1, max: 3, onInput: drawCursor });
  thickness.set(2);
  const radius = () => 0.75 * Number(thickness.input.value); // in pixels
  const eraser = button("erase", () => {
    erasing = !erasing;
    eraser.setAttribute("aria-pressed", erasing);
  });
  eraser.setAttribute("aria-pressed", false);
  root.append(
    boards.input.node,
    part("tools", choice.node, thickness.node, row(
      eraser,
      button("undo", () => { if (earlier.length) put(...earlier.pop()); }),
      button("clear", () => change(new Uint8Array(SIDE * SIDE))),
      button("invert", () => change(pixels.map((pixel) => 255 - pixel))),
      button("centre", () => change(centre(pixels))))),
    ...LAYERS.slice(1, 5).map((layer) => boards[layer].node),
    part("logits", title("logits", word("columns")), barBoard, answer, truth),
    part("sum", element("div", { class: "net-head" }, spoken, row(down, up)), equation, share, chips,
      tableLine),
    part("help", word("help"), heard));

  // ---- what the reader does: draw -------------------------------------------------------------
  function put(picture, label) {
    model.set("label", label);
    model.set("picture", toBase64(picture));
    model.save_changes();
  }
  const remember = () => earlier.push([pixels, model.get("label")]);
  function change(picture, label = null) { remember(); put(picture, label); }
  function paint(from, to) {
    const copy = pixels.slice();
    stroke(copy, from, to, radius(), erasing);
    put(copy, null);
  }
  const at = (event, { node }, [, rows, columns]) => { // where the pointer is, in cells
    const box = node.getBoundingClientRect();
    return [((event.clientY - box.top) / box.height) * rows,
      ((event.clientX - box.left) / box.width) * columns];
  };
  const tip = (event) => at(event, boards.input.maps[0], SHAPES.input).map((p) => p - 0.5);
  const paper = boards.input.board;
  paper.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    paper.setPointerCapture(event.pointerId);
    remember();
    pen = tip(event);
    paint(pen, pen);
  });
  paper.addEventListener("pointermove", (event) => {
    if (!pen) return;
    const next = tip(event);
    paint(pen, next);
    pen = next;
  });
  ["pointerup", "pointercancel"].forEach((name) => paper.addEventListener(name, () => { pen = null; }));
  paper.addEventListener("keydown", (event) => {
    const arrow = kit.ARROWS[event.key];
    if (!arrow && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    const next = brush.map((p, axis) => clamp(p + (arrow ? arrow[axis] : 0), 0, SIDE - 1));
    if (!arrow || event.shiftKey) { remember(); paint(brush, next); }
    brush = next;
    drawCursor();
  });

  // ---- what the reader does: ask --------------------------------------------------------------
  function choose(layer, position) {
    model.set("layer", layer);
    model.set("position", position.map((p, axis) => clamp(p, 0, SHAPES[layer][axis] - 1)));
    model.save_changes();
  }
  function jump(layer, channel, row = 0, column = 0) { trail = []; choose(layer, [channel, row, column]); }
  function follow(term, cell) { // down to a cell of the window
    trail.push(unit());
    const side = term.window.length;
    choose(below(model.get("layer")),
      [term.channel, term.top + Math.floor(cell / side), term.left + (cell % side)]);
    focusUnit();
  }
  function focusUnit() { // so that the keys go on from there
    const layer = model.get("layer");
    const board = layer === "input" ? up : layer === "logits" ? barBoard : boards[layer].board;
    up.disabled = false;
    board.focus({ preventScroll: true });
  }
  const largest = (numbers) => Math.max(1e-9, ...numbers.map(Math.abs));
  const mainTerm = (terms) => terms.reduce((a, b) => (Math.abs(b.sum) > Math.abs(a.sum) ? b : a));
  function descend() { // to the cell that had the largest share
    if (model.get("layer") === "input") return;
    const term = mainTerm(explain(network, values, ...unit()).terms);
    const shares = (term.products || term.window).flat().map(Math.abs);
    follow(term, shares.indexOf(Math.max(...shares)));
  }
  function ascend() {
    if (!trail.length) return;
    choose(...trail.pop());
    focusUnit();
  }
  function listen(layer, board) {
    board.addEventListener("keydown", (event) => {
      const [rows, columns] = kit.ARROWS[event.key] || [0, 0];
      const [own, [channel, row, column]] = unit();
      if (event.key === "Enter") descend();
      else if (event.key === "Backspace") ascend();
      else if (!rows && !columns) return;
      else if (own !== layer) jump(layer, 0);
      else if (event.shiftKey || layer === "logits") jump(layer, channel + rows + columns, row, column);
      else jump(layer, channel, row + rows, column + columns);
      event.preventDefault();
    });
  }
  listen("logits", barBoard);
  LAYERS.slice(1, 5).forEach((layer) => {
    listen(layer, boards[layer].board);
    boards[layer].maps.forEach((map, channel) => ["pointerdown", "pointermove"].forEach((name) =>
      map.node.addEventListener(name, (event) => {
        if (event.buttons & 1) jump(layer, channel, ...at(event, map, SHAPES[layer]).map(Math.floor));
      })));
  });

  // ---- the drawing: all layers ----------------------------------------------------------------
  const digits = (number) => number.toFixed(2).replace(/^-(?!0\.00)/, "−").replace("-", "");
  const percent = (number) => `${Math.round(100 * number)}\u00a0%`;
  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  function mixColours() { // once a theme: a colour for each of 129 strengths from −1 to 1
    const shades = (above) => {
      const [ground, under, over] = ["ground", "below", above].map((name) => kit.colour(root, name));
      const table = Array.from({ length: 129 }, (_, k) =>
        kit.mix(ground, k < 64 ? under : over, Math.abs(k - 64) / 64));
      const words = Uint32Array.from(table, ([r, g, b]) => 255 * 2 ** 24 + (b << 16) + (g << 8) + r);
      return (strength) => words[Math.round(64 * clamp(strength, -1, 1)) + 64];
    };
    colours = { window: shades("input"), kernel: shades("kernel"), products: shades("above") };
  }
  function drawLayers() {
    boards.input.maps[0].paint((k) => 0xff000000 + pixels[k] * 0x10101);
    LAYERS.slice(1, 5).forEach((layer) => {
      const count = SHAPES[layer][1] * SHAPES[layer][2];
      boards[layer].maps.forEach((map, channel) =>
        map.paint((k) => colours.products(values[layer][channel * count + k] / scales[layer])));
    });
    strip.paint((k) => colours.products(values.pool2[k] / scales.pool2));
    const best = values.softmax.indexOf(Math.max(...values.softmax));
    bars.forEach((bar, k) => {
      bar.style.setProperty("--share", `${(100 * values.softmax[k]).toFixed(1)}%`);
      write(bar.children[1], digits(values.logits[k]));
      write(bar.children[2], percent(values.softmax[k]));
      bar.classList.toggle("net-best", k === best);
    });
    const label = model.get("label");
    write(answer, `${classes[best]} ${percent(values.softmax[best])}`);
    const right = label === best;
    write(truth, label === null ? word("no_truth")
      : `${right ? "✓" : "✗"} ${word(right ? "right" : "wrong", { name: classes[label] })}`);
    const known = pictures.indexOf(model.get("picture"));
    choice.set(known < 0 ? "" : known);
    clearTimeout(resting); // what is read out waits until the hand rests
    resting = setTimeout(() => write(heard, word("answer",
      { name: classes[best], share: percent(values.softmax[best]) })), 400);
  }
  function drawCursor() {
    const percentOf = (cells) => `${(100 * cells) / SIDE}%`;
    cursor.style.cssText = `top:${percentOf(brush[0] + 0.5)};left:${percentOf(brush[1] + 0.5)};`
      + `width:${percentOf(2 * radius() + 1)}`;
    paper.setAttribute("aria-label",
      `${word("paper")} ${word("brush_at", { row: brush[0] + 1, column: brush[1] + 1 })}`);
  }

  // ---- the drawing: one unit ------------------------------------------------------------------
  function lay(frame, kind, [, rows, columns], [top, left, bottom, right]) {
    const part = (cells, whole) => `${(100 * cells) / whole}%`;
    frame.className = `net-frame ${kind}`;
    frame.style.cssText = `top:${part(top, rows)};left:${part(left, columns)};`
      + `height:${part(bottom + 1 - top, rows)};width:${part(right + 1 - left, columns)}`;
  }
  function drawFrames() {
    const [layer, [channel, row, column]] = unit();
    const found = { [layer]: [row, column, row, column], ...regions(layer, [channel, row, column]) };
    let every = false; // does the unit depend on every map of this layer, or on one?
    [...LAYERS].reverse().slice(1).forEach((name) => {
      every ||= name !== layer && name in found && !LAYERS[LAYERS.indexOf(name) + 1].startsWith("pool");
      const kind = name === layer ? "net-unit" : name === below(layer) ? "net-near" : "net-far";
      boards[name].maps.forEach(({ frame }, k) => {
        const shown = name in found && (every || k === channel);
        lay(frame, shown ? kind : "", SHAPES[name], found[name] || [0, 0, 0, 0]);
      });
    });
    bars.forEach((bar, k) => bar.classList.toggle("net-chosen", layer === "logits" && k === channel));
    const flat = 49 * channel + 7 * row + column; // its place when the maps are laid end to end
    lay(strip.frame, layer === "pool2" ? "net-unit" : "", [1, 1, 784], [0, flat, 0, flat]);
  }
  function drawSum() {
    const [layer, [channel, row, column]] = unit();
    const [, rows, columns] = SHAPES[layer];
    const value = values[layer][(channel * rows + row) * columns + column];
    const place = { layer: word(layer), map: channel + 1, row: row + 1, column: column + 1 };
    const name = layer === "logits" ? word("unit_logit", { name: classes[channel] })
      : word(layer === "input" ? "unit_pixel" : "unit", place);
    spoken.setAttribute("aria-live", pen ? "off" : "polite");
    write(spoken, word("here", { unit: name, value: digits(value) }));
    down.disabled = layer === "input";
    up.disabled = !trail.length;
    [share, chips, tableLine].forEach((node) => { node.hidden = layer === "input"; });
    const x = (text) => element("b", { class: "net-x" }, text);
    const y = element("b", { class: "net-y" }, digits(value));
    if (layer === "input") {
      equation.replaceChildren("(", x(pixels[row * SIDE + column]), ` ÷ 255 − ${MEAN}) ÷ ${STD} = `, y,
        element("div", { class: "net-quiet" }, word("normalised", { mean: MEAN, deviation: STD })));
      return;
    }
    const { terms, sum, bias } = explain(network, values, layer, [channel, row, column]);
    open ??= mainTerm(terms).channel; // and it stays open while the picture changes
    const term = terms.find((one) => one.channel === open);
    if (layer.startsWith("pool")) {
      equation.replaceChildren("max(", x(term.window.flat().map(digits).join(", ")), ") = ", y);
    } else {
      const added = `${word("products")} ${digits(sum)} + ${word("bias")} `
        + `${bias < 0 ? `(${digits(bias)})` : digits(bias)} = `;
      const power = (text) => element("sup", {}, text);
      equation.replaceChildren(added, ...(layer === "logits"
        ? [y, ` → ${word("softmax")}: e`, power(digits(value)), " ÷ Σ e", power(word("logit")), " = ",
          element("b", { class: "net-y" }, percent(values.softmax[channel]))]
        : [digits(sum + bias), " → ReLU → ", y]));
    }
    const fresh = asked !== String([layer, channel, row, column, open]); // another unit, other tables
    asked = String([layer, channel, row, column, open]);
    drawChips(terms, fresh);
    drawTables(layer, term, fresh);
  }
  const shades = (kind, numbers, most) => (k) => colours[kind](numbers[k] / most);
  function drawChips(terms, fresh) {
    share.hidden = chips.hidden = terms.length === 1;
    if (chips.hidden) return;
    if (fresh) {
      write(share, word("shares", { count: terms.length }));
      chips.replaceChildren(...terms.map(({ channel, window, kernel }) => {
        const [left, right] = [element("canvas"), element("canvas")];
        const chip = element("button", { type: "button", class: "net-chip", "aria-pressed": channel === open,
          onclick: () => { open = channel; asked = ""; drawAll(); chips.children[channel].focus(); } },
        left, right, element("span"));
        chip.paint = painter(left, window.length, window.length);
        painter(right, kernel.length, kernel.length)(
          shades("kernel", kernel.flat(), largest(kernel.flat())));
        return chip;
      }));
    }
    terms.forEach(({ channel, window, sum }) => {
      const chip = chips.children[channel];
      chip.paint(shades("window", window.flat(), scales[below(model.get("layer"))]));
      const text = (sum < 0 ? "" : "+") + digits(sum);
      if (chip.lastChild.textContent === text) return;
      chip.lastChild.textContent = text;
      chip.setAttribute("aria-label", word("chip", { map: channel + 1, sum: digits(sum) }));
    });
  }
  function drawTables(layer, term, fresh) {
    const side = term.window.length;
    if (fresh) makeTables(layer, term, side);
    Object.entries(tables).forEach(([kind, { cells, paint }]) => {
      if (!term[kind] || (kind === "kernel" && !fresh)) return;
      const numbers = term[kind].flat();
      const most = Math.max(largest(numbers), kind === "window" ? scales[below(layer)] : 0);
      numbers.forEach((number, k) => write(cells.children[k], digits(number + 0)));
      paint(shades(kind, numbers, most / 0.6)); // paler than a map: there are numbers on it
    });
  }
  function makeTables(layer, term, side) {
    const source = word(below(layer));
    write(tables.window.caption, word(layer === "conv1" ? "window_input" : "window",
      { layer: source, map: term.channel + 1 }));
    write(tables.kernel.caption, word(layer === "logits" ? "weights" : "kernel"));
    write(tables.products.caption, word("each_product"));
    tableLine.classList.toggle("net-large", side > 3);
    tableLine.style.setProperty("--columns", side);
    signs.forEach((sign) => { sign.hidden = !term.kernel; });
    Object.entries(tables).forEach(([kind, table]) => {
      const { cells, ground, node } = table;
      node.hidden = !term[kind];
      table.paint = painter(ground, side, side);
      cells.replaceChildren(...(term[kind] || []).flat().map((number, k) => {
        if (kind !== "window") return element("span");
        const place = { row: term.top + Math.floor(k / side) + 1, column: term.left + (k % side) + 1 };
        return element("button", { type: "button", title: word("go", { layer: source, ...place }),
          disabled: number === null ? "" : null, onclick: () => follow(term, k) });
      }));
    });
  }

  function drawAll() {
    if (stale) {
      values = forward(network, pixels);
      drawLayers();
    }
    stale = false;
    if (framed !== String(unit())) drawFrames();
    framed = String(unit());
    drawSum();
  }
  const redraw = kit.oncePerFrame(drawAll);
  const undo = [
    kit.followTheme(root, () => { mixColours(); asked = ""; stale = true; redraw(); }),
    kit.onChange(model, ["weights"], () => {
      [network, asked, stale] = [decode(model.get("weights")), "", true];
      redraw();
    }),
    kit.onChange(model, ["picture", "label"], () => {
      [pixels, stale] = [bytes(model.get("picture")), true];
      redraw();
    }),
    kit.onChange(model, ["layer", "position"], () => { open = null; redraw(); }),
  ];
  drawCursor();
  drawAll();
  return () => { clearTimeout(resting); undo.forEach((stopListening) => stopListening()); };
}

export default { render, decode, forward, explain, regions, stroke, centre };
