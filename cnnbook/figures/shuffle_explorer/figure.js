// Shuffle and shift: a picture in two dimensions and in one row, and two sums that follow.
// All numbers are whole, so the sums are the same to the last digit as in Python.

const FARTHEST = 5;
const NAMES = ["dense", "convolution"];
const TRAITS = ["picture", "weights", "kernel", "order", "window", "shuffled", "shift", "shifted",
  "mixed"];

// The table moved right by `shift` cells; zeros move in, and what leaves is gone.
const moved = (table, shift) => table.map((line) => line.map((_, j) => line[j - shift] ?? 0));

// The cells of a table in another order: place k shows cell order[k].
function arranged(table, order) {
  const [flat, width] = [table.flat(), table[0].length];
  return table.map((line, i) => line.map((_, j) => flat[order[i * width + j]]));
}

// A 3 × 3 kernel over the table, negative values as 0.
function featureMap(table, kernel) {
  return table.slice(2).map((line, i) => line.slice(2).map((_, j) => {
    let sum = 0;
    for (let u = 0; u < 3; u += 1) {
      for (let v = 0; v < 3; v += 1) sum += kernel[u][v] * table[i + u][j + v];
    }
    return Math.max(0, sum);
  }));
}

const total = (table) => table.flat().reduce((sum, value) => sum + value, 0);

// What is shown for a state: the tables in their present order, and the sums now and at first.
function derive({ picture, weights, kernel, order, shuffled, shift }) {
  const arrange = (table) => (shuffled ? arranged(table, order) : table);
  const product = (one, other) => one.map((line, i) => line.map((x, j) => x * other[i][j]));
  const inside = moved(picture, shift);
  const [seen, shown] = [arrange(inside), arrange(weights)];
  const map = featureMap(seen, kernel);
  const bright = (table) => table.flat().filter((value) => value !== 0).length;
  return {
    seen, shown, map,
    before: { dense: total(product(picture, weights)), convolution: total(featureMap(picture, kernel)) },
    now: { dense: total(product(seen, shown)), convolution: total(map) },
    lost: bright(picture) - bright(inside),
  };
}

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "shuffle_explorer");
  const { element } = kit;
  const number = (value) => value.toLocaleString("en-US").replace("-", "−");
  const state = () => ({
    ...Object.fromEntries(TRAITS.map((name) => [name, model.get(name)])),
    ...Object.fromEntries(["picture", "weights", "kernel"]
      .map((name) => [name, kit.toTable(model.get(name))])),
  });

  // ---- the parts ------------------------------------------------------------------------------
  const tile = (name) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const marks = element("div", { class: "shuffle-marks" });
    const board = element("div", { class: "shuffle-board" }, canvas, marks);
    const title = element("div", { class: `shuffle-title ${name}` }, word(name));
    return { canvas, marks, board, node: element("section", {}, title, board) };
  };
  const [picture, weights, map] = ["picture", "weights", "feature_map"].map(tile);
  picture.board.classList.add("shuffle-moves");
  picture.board.setAttribute("tabindex", 0);
  picture.board.setAttribute("role", "group");
  picture.board.setAttribute("aria-label", `${word("picture")}: ${word("move")}`);
  const strip = tile("strip");
  strip.board.classList.add("shuffle-strip");
  strip.node.classList.add("shuffle-wide");
  const table = element("table", { class: "shuffle-table" });
  const toggle = kit.button({ label: word("shuffle"), onClick: () => update({ shuffled: !model.get("shuffled") }) });
  const back = kit.button({ label: word("back"), onClick: () => update({ shuffled: false, shift: 0 }) });
  const slider = kit.slider({
    label: word("shift"), min: -FARTHEST, max: FARTHEST, onInput: (shift) => update({ shift }),
  });
  const spoken = kit.live();
  root.append(picture.node, weights.node, map.node, strip.node,
    element("div", { class: "shuffle-wide shuffle-controls" }, toggle, back, slider.node),
    element("div", { class: "shuffle-wide" }, table),
    element("div", { class: "shuffle-wide" }, spoken,
      element("div", { class: "shuffle-help" }, word("help"))));

  // ---- what the reader does -------------------------------------------------------------------
  function update(changes) {
    if ("shift" in changes) {
      changes.shift = Math.max(-FARTHEST, Math.min(FARTHEST, changes.shift));
    }
    Object.entries(changes).forEach(([name, value]) => model.set(name, value));
    model.save_changes();
  }
  root.addEventListener("keydown", (event) => {
    const onButton = event.target.matches("button");
    if (event.target === slider.input && event.key !== " ") return; // it moves by itself
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) update({ shift: model.get("shift") + by });
    else if (event.key === "Home") update({ shuffled: false, shift: 0 });
    else if (event.key === " " && !onButton) toggle.click();
    else return;
    event.preventDefault();
  });
  let drag = null; // where the pointer took hold of the picture, and the shift then
  picture.board.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, shift: model.get("shift") };
    picture.board.setPointerCapture(event.pointerId);
  });
  picture.board.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const cell = picture.board.getBoundingClientRect().width / picture.canvas.width;
    const shift = drag.shift + Math.round((event.clientX - drag.x) / cell);
    if (shift !== model.get("shift")) update({ shift });
  });
  ["pointerup", "pointercancel"].forEach((name) =>
    picture.board.addEventListener(name, () => { drag = null; }));

  // ---- the drawing ----------------------------------------------------------------------------
  // Where the nine marked pixels are now, as numbers of cells; those pushed out are left out.
  function marked({ order, window: [top, left], shift, shuffled }, width) {
    const cells = [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => [top + i, left + j + shift]))
      .filter(([, column]) => column >= 0 && column < width)
      .map(([row, column]) => row * width + column);
    return shuffled ? cells.map((cell) => order.indexOf(cell)) : cells;
  }
  function lay(node, cells, rows, columns) {
    node.replaceChildren(...cells.map((cell) => {
      const mark = element("div", { class: "shuffle-mark" });
      mark.style.cssText = `left:${(100 * (cell % columns)) / columns}%;width:${100 / columns}%;`
        + `top:${(100 * Math.floor(cell / columns)) / rows}%;height:${100 / rows}%`;
      return mark;
    }));
  }
  // The measured accuracy of what is shown, in percent; null where none was measured.
  function accuracy(name, { shuffled, shift, shifted, mixed }) {
    const share = !shuffled ? shifted[name]?.[Math.abs(shift)] : shift ? undefined : mixed[name];
    return share === undefined ? null : (100 * share).toFixed(1);
  }
  function row(name, now, { before, now: sums }) {
    const same = before[name] === sums[name];
    const percent = accuracy(name, now);
    const bar = element("span", { class: "shuffle-bar" });
    bar.style.setProperty("--share", `${percent ?? 0}%`);
    return element("tr", { class: name },
      element("th", { scope: "row" }, word(name)),
      element("td", {}, number(before[name])), element("td", {}, number(sums[name])),
      element("td", { class: same ? "shuffle-same" : "shuffle-changed" },
        same ? word("same") : word("changed")),
      ...(measured(now) ? [element("td", {},
        percent === null ? word("unmeasured") : word("percent", { value: percent }), bar)] : []));
  }
  const measured = ({ shifted, mixed }) => Object.keys(shifted).length + Object.keys(mixed).length;

  function draw() {
    const now = state();
    const facts = derive(now);
    const { seen, shown, map: features, before, now: sums, lost } = facts;
    const [rows, columns] = [seen.length, seen[0].length];
    const [ground, output] = ["ground", "output"].map((name) => kit.colour(root, name));
    const shade = kit.diverging(root);
    const largest = (tableOf) => Math.max(1, ...tableOf.flat().map(Math.abs));
    const grey = (value) => Array(3).fill((255 * value) / largest(now.picture));
    const most = { weights: largest(shown), map: largest(features) };
    kit.paint(picture.canvas, rows, columns, (i, j) => grey(seen[i][j]));
    kit.paint(weights.canvas, rows, columns, (i, j) => shade(shown[i][j] / most.weights));
    kit.paint(map.canvas, features.length, features[0].length, (i, j) =>
      kit.mix(ground, output, features[i][j] / most.map));
    kit.paint(strip.canvas, 1, rows * columns, (_, k) => grey(seen.flat()[k]));
    const cells = marked(now, columns);
    lay(picture.marks, cells, rows, columns);
    lay(strip.marks, cells, 1, rows * columns);
    strip.node.firstChild.textContent = word("strip", { count: rows * columns });
    const heads = ["before", "now"].map((name) => element("th", { scope: "col" }, word(name)));
    table.replaceChildren(
      element("tr", {}, element("td", {}, "Σ"), ...heads, element("td", {}),
        ...(measured(now) ? [element("th", { scope: "col" }, word("accuracy"))] : [])),
      ...NAMES.map((name) => row(name, now, facts)));
    toggle.setAttribute("aria-pressed", now.shuffled);
    slider.set(now.shift);
    spoken.textContent = word("here", {
      shift: number(now.shift), order: word(now.shuffled ? "shuffled" : "in_order"),
      dense: number(sums.dense), convolution: number(sums.convolution),
    }) + (lost ? ` ${word("lost", { count: lost })}` : "");
  }
  const redraw = kit.oncePerFrame(draw);
  const undo = [kit.followTheme(root, redraw), kit.onChange(model, TRAITS, redraw)];
  draw();
  return () => undo.forEach((stopListening) => stopListening());
}

export default { render, derive };
