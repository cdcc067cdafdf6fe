// Shuffle and shift: a picture in two dimensions and in one row, and two sums that follow.
// All numbers are whole, so the sums are the same to the last digit as in Python.

const FARTHEST = 5;
const NAMES = ["dense", "convolution"];
const TABLES = ["picture", "weights", "kernel"];
const ARRANGED = ["picture", "order", "shuffled", "shift"]; // what the picture shown depends on
const SUMS = [...ARRANGED, "weights", "kernel"]; // and what the sums do

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
/** @param {Record<string, any>} state */
function derive({ picture, weights, kernel, order, shuffled, shift }) {
  const arrange = (table) => (shuffled ? arranged(table, order) : table);
  const product = (one, other) => one.map((line, i) => line.map((x, j) => x * other[i][j]));
  const inside = moved(picture, shift);
  const [seen, shown] = [arrange(inside), arrange(weights)];
  const map = featureMap(seen, kernel);
  const bright = (table) => table.flat().filter((value) => value !== 0).length;
  return {
    seen, shown, map, picture,
    before: {
      dense: total(product(picture, weights)), convolution: total(featureMap(picture, kernel)),
    },
    now: { dense: total(product(seen, shown)), convolution: total(map) },
    lost: bright(picture) - bright(inside),
  };
}

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "shuffle_explorer");
  const { get, put } = figure;
  const value = (name) => (TABLES.includes(name) ? kit.toTable(get(name)) : get(name));
  const state = kit.derived(model, SUMS, () =>
    derive(Object.fromEntries(SUMS.map((name) => [name, value(name)]))));
  const push = (shift) => put({ shift: kit.clamp(shift, -FARTHEST, FARTHEST) });
  const shuffle = () => put({ shuffled: !get("shuffled") });
  const reset = () => put({ shuffled: false, shift: 0 });
  return { ...figure, state, push, shuffle, reset };
}

function listen({ root, get, state, push, shuffle, reset }, { picture: { board } }) {
  const by = (step) => () => push(get("shift") + step);
  kit.keys(root, {
    arrow: null, // up and down scroll the page
    more: { ArrowLeft: by(-1), ArrowRight: by(1), Home: reset, End: by(Infinity), " ": shuffle },
  });
  let held = 0; // the column that the pointer took hold of, when the shift was 0
  kit.follow(board, ([, right], event) => {
    const column = right * state().seen[0].length;
    if (event.type === "pointerdown") held = column - get("shift");
    else if (board.hasPointerCapture(event.pointerId)) push(Math.round(column - held) + 0); // no −0
  }, { hover: false });
  board.addEventListener("dblclick", reset);
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts({ root, word, push, shuffle, reset }) {
  const { element } = kit;
  const tile = (name, own = "", kind = "", attributes = {}) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const marks = element("div", { class: "shuffle-marks" });
    const board = element("div", { class: `shuffle-board ${own}`, ...attributes }, canvas, marks);
    const title = element("div", { class: `shuffle-title ${name}` }, word(name));
    return { canvas, marks, board, title, node: element("section", { class: kind }, title, board) };
  };
  const picture = tile("picture", "shuffle-moves", "", {
    tabindex: 0, role: "group", "aria-label": `${word("picture")}: ${word("move")}`,
  });
  const [weights, map] = ["weights", "feature_map"].map((name) => tile(name));
  const strip = tile("strip", "shuffle-strip", "shuffle-wide");
  const table = element("table", { class: "shuffle-table" });
  const toggle = kit.button({ label: word("shuffle"), onClick: shuffle });
  const back = kit.button({ label: word("back"), onClick: reset });
  const slider = kit.slider({
    label: word("shift"), min: -FARTHEST, max: FARTHEST, onInput: push,
  });
  const spoken = kit.live();
  root.append(picture.node, weights.node, map.node, strip.node,
    element("div", { class: "shuffle-wide shuffle-controls" }, toggle, back, slider.node),
    element("div", { class: "shuffle-wide" }, table),
    element("div", { class: "shuffle-wide" }, spoken,
      element("div", { class: "shuffle-help" }, word("help"))));
  return { picture, weights, map, strip, table, toggle, slider, spoken };
}

// ---- the drawing --------------------------------------------------------------------------------

const largest = (table) => Math.max(1, kit.largest(table.flat()));

function drawPicture({ word, state }, { picture, strip }) {
  const { seen, picture: whole } = state();
  const [flat, most] = [seen.flat(), largest(whole)];
  const grey = (value) => kit.grey((255 * value) / most);
  kit.paint(picture.canvas, seen.length, seen[0].length, (i, j) => grey(seen[i][j]));
  kit.paint(strip.canvas, 1, flat.length, (_, place) => grey(flat[place]));
  kit.write(strip.title, word("strip", { count: flat.length }));
}

// Where the nine marked pixels are now, in the picture and in the row; pushed out, they are gone.
function drawMarks({ get, state }, { picture, strip }) {
  const [rows, columns] = [state().seen.length, state().seen[0].length];
  const [[top, left], shift, order] = ["window", "shift", "order"].map(get);
  const cells = [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => [top + i, left + j + shift]))
    .filter(([, column]) => column >= 0 && column < columns)
    .map(([row, column]) => row * columns + column)
    .map((cell) => (get("shuffled") ? order.indexOf(cell) : cell));
  const layOn = (marks, height, width) => kit.children(marks, cells.length, () =>
    kit.element("div", { class: "shuffle-mark" })).forEach((mark, index) => kit.lay(mark,
    [height, width], [Math.floor(cells[index] / width), cells[index] % width], [1, 1]));
  layOn(picture.marks, rows, columns);
  layOn(strip.marks, 1, rows * columns);
}

function drawWeights({ root, state }, { weights }) {
  const { shown } = state();
  const [most, shade] = [largest(shown), kit.diverging(root)];
  kit.paint(weights.canvas, shown.length, shown[0].length, (i, j) => shade(shown[i][j] / most));
}

function drawMap({ root, state }, { map: { canvas } }) {
  const { map } = state();
  const [ground, output] = ["ground", "output"].map((name) => kit.colour(root, name));
  const most = largest(map);
  const shade = (i, j) => kit.mix(ground, output, map[i][j] / most);
  kit.paint(canvas, map.length, map[0].length, shade);
}

// The measured accuracy of what is shown, in percent; null where none was measured.
function accuracy(name, get) {
  const shift = Math.abs(get("shift"));
  const share = !get("shuffled") ? get("shifted")[name]?.[shift]
    : shift ? undefined : get("mixed")[name];
  return share === undefined ? null : (100 * share).toFixed(1);
}

function drawTable({ word, get, state }, { table }) {
  const { element, counted } = kit;
  const { before, now } = state();
  const measured = Object.keys({ ...get("shifted"), ...get("mixed") }).length > 0;
  const head = (name) => element("th", { scope: "col" }, word(name));
  const percent = (value) => element("td", {},
    value === null ? word("unmeasured") : word("percent", { value }),
    element("span", { class: "shuffle-bar", style: `--share: ${value ?? 0}%` }));
  const row = (name) => {
    const outcome = before[name] === now[name] ? "same" : "changed";
    return element("tr", { class: name }, element("th", { scope: "row" }, word(name)),
      element("td", {}, counted(before[name])), element("td", {}, counted(now[name])),
      element("td", { class: `shuffle-${outcome}` }, word(outcome)),
      ...(measured ? [percent(accuracy(name, get))] : []));
  };
  table.replaceChildren(
    element("tr", {}, element("td", {}, "Σ"), head("before"), head("now"), element("td"),
      ...(measured ? [head("accuracy")] : [])),
    ...NAMES.map(row));
}

function drawWords({ word, get, state }, { toggle, slider, spoken }) {
  const { now: { dense, convolution }, lost } = state();
  const [shift, shuffled] = [get("shift"), get("shuffled")];
  const [order, counted] = [word(shuffled ? "shuffled" : "in_order"), kit.counted];
  toggle.setAttribute("aria-pressed", String(shuffled));
  slider.set(shift);
  kit.write(spoken, word("here", { order, shift: counted(shift), dense: counted(dense),
    convolution: counted(convolution) }) + (lost ? ` ${word("lost", { count: lost })}` : ""));
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const parts = makeParts(view);
  listen(view, parts);
  const draw = (part) => () => part(view, parts);
  const clock = kit.clock(view.root, model, [
    [draw(drawPicture), ...ARRANGED],
    [draw(drawMarks), ...ARRANGED, "window"],
    [draw(drawWeights), "theme", "weights", "order", "shuffled"],
    [draw(drawMap), "theme", ...ARRANGED, "kernel"],
    [draw(drawTable), ...SUMS, "shifted", "mixed"],
    [draw(drawWords), ...SUMS],
  ]);
  return clock.stop;
}

export default { render, derive };
