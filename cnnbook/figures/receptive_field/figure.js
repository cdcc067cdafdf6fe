// The receptive field: a cell of any map, the cells it was made from in the maps before it, and
// those that see it in the maps after it. Rows and columns are worked out apart: a cell's share is
// the product of both.

const NUMBERS = ["kernel", "stride", "padding", "dilation"];
const LIMITS = { kernel: [1, 5], stride: [1, 3], padding: [0, 2], dilation: [1, 3] };
const NEW = { kind: "convolution", kernel: 3, stride: 1, padding: 0, dilation: 1 };
const MOST_LAYERS = 5;

// Cells a side of the input and of every map; a layer with no room for its window has none.
const sizesOf = (size, layers) => layers.reduce((sizes, { kernel, stride, padding, dilation }) => {
  const room = sizes.at(-1) + 2 * padding - dilation * (kernel - 1) - 1;
  return [...sizes, sizes.at(-1) < 1 || room < 0 ? 0 : Math.floor(room / stride) + 1];
}, [size]);

const taps = ({ kernel, stride, padding, dilation }, place) => Array.from({ length: kernel },
  (_, tap) => place * stride - padding + dilation * tap);

// One axis of every map: what cell `place` of map `level` has of each cell before it, all weights
// equal; 1 for the cells after it that see it.
function line(layers, sizes, level, place) {
  const lines = sizes.map((size) => new Array(size).fill(0));
  lines[level][place] = 1;
  for (let at = level; at > 0; at -= 1) {
    lines[at].forEach((share, cell) => share && taps(layers[at - 1], cell).forEach((tap) => {
      if (tap >= 0 && tap < sizes[at - 1]) lines[at - 1][tap] += share / layers[at - 1].kernel;
    }));
  }
  for (let at = level; at < layers.length; at += 1) {
    lines[at + 1].forEach((_, cell) => {
      lines[at + 1][cell] = Number(taps(layers[at], cell).some((tap) => lines[at][tap] > 0));
    });
  }
  return lines;
}

// How many input cells a cell after these layers sees, and how far apart neighbours look.
const fieldOf = (layers) => layers.reduce(([field, jump], { kernel, stride, dilation }) =>
  [field + (kernel - 1) * dilation * jump, jump * stride], [1, 1]);

// The square in the middle of the receptive field, half as wide: its side and its share of the
// influence, all weights equal.
function middleOf(layers) {
  const [field] = fieldOf(layers);
  const open = layers.map((layer) => ({ ...layer, padding: 0 }));
  const [shares] = line(open, sizesOf(field, open), layers.length, 0);
  const cut = Math.floor(field / 4) + Number(field % 4 === 3);
  const inner = shares.slice(cut, field - cut).reduce((sum, share) => sum + share, 0);
  return [field - 2 * cut, inner ** 2];
}

function derive(get) {
  const layers = get("layers");
  const sizes = sizesOf(get("size"), layers);
  const level = kit.clamp(get("level"), 0, layers.length);
  const shape = [sizes[level], sizes[level]];
  const [row, column] = kit.inside(get("position"), shape);
  const [rows, columns] = [row, column].map((place) => line(layers, sizes, level, place));
  return { layers, sizes, level, shape, row, column, rows, columns };
}

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "receptive_field");
  const state = kit.derived(model, ["layers", "size", "level", "position"],
    () => derive(figure.get));
  const path = kit.walk({
    place: () => [state().row, state().column], shape: () => state().shape,
    go: (position) => figure.put({ position }),
  });
  const middle = (shares) => {
    const found = shares.flatMap((share, place) => (share ? [place] : []));
    return found[Math.floor((found.length - 1) / 2)] ?? 0;
  };
  // To the map before or after, to the middle of what hangs together with the cell.
  function climb(by) {
    const { level, layers, rows, columns } = state();
    const next = kit.clamp(level + by, 0, layers.length);
    figure.put({ level: next, position: [middle(rows[next]), middle(columns[next])] });
  }
  const choose = (level, shares) => figure.put({ level, position: kit.inside(
    shares.map((share) => Math.floor(share * state().sizes[level])),
    [state().sizes[level], state().sizes[level]]) });
  return { ...figure, state, path, climb, choose, refused: { now: false } };
}

// Take `changes` if every window still has a place; say so if not.
function attempt({ get, put, refused }, changes) {
  const { layers, size, level } = { ...Object.fromEntries(["layers", "size", "level"]
    .map((name) => [name, get(name)])), ...changes };
  const sizes = sizesOf(size, layers);
  refused.now = sizes.includes(0);
  if (refused.now) return;
  const at = kit.clamp(level, 0, layers.length);
  const position = kit.inside(get("position"), [sizes[at], sizes[at]]);
  put({ ...changes, level: at, position });
}

// ---- the parts ----------------------------------------------------------------------------------

function makeBoard({ choose }, level) {
  const { element } = kit;
  const [canvas, frame] = [element("canvas", { "aria-hidden": "true" }),
    element("div", { class: "field-frame" })];
  const [title, size, sees] = ["title", "size", "quiet"].map((name) =>
    element("div", { class: `field-${name}` }));
  const lines = element("div", { class: "field-lines" });
  const grid = element("div", { class: "field-grid" }, canvas, lines, frame);
  kit.follow(grid, (shares) => choose(level, shares), { hover: false });
  return { node: element("div", { class: "field-map" }, title, size, grid, sees),
    canvas, frame, lines, title, size, sees };
}

function makeControls(view, mark) {
  const { word, state } = view;
  const change = (changes) => { attempt(view, changes); mark("attempt"); };
  const edit = (changes) => {
    const at = Math.max(1, state().level) - 1;
    const { layers } = state();
    change({ layers: layers.map((layer, k) => (k === at ? { ...layer, ...changes } : layer)) });
  };
  const kinds = ["convolution", "pooling"].map((kind) => [kind, word(kind)]);
  const kind = kit.select({ label: word("kind"), options: kinds, onInput: (value) =>
    edit(value === "pooling" ? { kind: value, kernel: 2, stride: 2 } : { ...NEW }) });
  const sliders = NUMBERS.map((name) => kit.slider({
    label: word(name), min: LIMITS[name][0], max: LIMITS[name][1],
    onInput: (value) => edit({ [name]: value }),
  }));
  const size = kit.slider({
    label: word("input_size"), min: 4, max: 32, onInput: (value) => change({ size: value }),
  });
  const add = kit.button({ label: word("add"), onClick: () =>
    change({ layers: [...state().layers, NEW], level: state().layers.length + 1 }) });
  const remove = kit.button({ label: word("remove"), onClick: () =>
    change({ layers: state().layers.slice(0, -1) }) });
  return { kind, sliders, size, add, remove };
}

function makeParts(view, mark) {
  const { element } = kit;
  const { root, word } = view;
  const maps = element("div", { class: "field-maps", tabindex: 0, role: "group",
    "aria-label": `${word("title")}: ${word("move")}` });
  const boards = Array.from({ length: MOST_LAYERS + 1 }, (_, level) => makeBoard(view, level));
  maps.append(...boards.map((board) => board.node));
  const [spoken, chosen] = [kit.live(), element("div", { class: "field-title" })];
  const controls = makeControls(view, mark);
  root.append(maps, element("section", { class: "field-reading" }, spoken),
    element("section", { class: "field-controls" }, chosen, controls.kind.node,
      ...controls.sliders.map((one) => one.node)),
    element("section", { class: "field-controls field-network" }, controls.size.node,
      element("div", { class: "field-buttons" }, controls.add, controls.remove)),
    element("div", { class: "field-help field-quiet" }, word("help")));
  return { boards, spoken, chosen, ...controls };
}

// ---- the drawing --------------------------------------------------------------------------------

const nameOf = ({ word, state }, level) => {
  if (!level) return word("input");
  const { kind, kernel } = state().layers[level - 1];
  return word("layer", { level, kind: `${word(kind)} ${kernel}` });
};

function drawBoards(view, { boards }) {
  const { root, word, state } = view;
  const { layers, sizes, level: chosen, rows, columns } = state();
  boards[0].node.parentElement.style.setProperty("--maps", String(sizes.length));
  const [ground, blue, green] = ["ground", "input", "output"].map((name) => kit.colour(root, name));
  boards.forEach(({ node, canvas, frame, lines, title, size, sees }, level) => {
    node.hidden = level > layers.length;
    if (node.hidden) return;
    const [down, right, cells] = [rows[level], columns[level], sizes[level]];
    const most = Math.max(...down) * Math.max(...right) || 1;
    const tint = level < chosen ? blue : green;
    kit.paint(canvas, cells, cells, (row, column) => {
      const share = (down[row] * right[column]) / most;
      return kit.mix(ground, tint, share && 0.15 + 0.7 * share);
    });
    const [top, left] = [down, right].map((shares) => shares.findIndex(Boolean));
    const [below, beyond] = [down, right].map((shares) => shares.findLastIndex(Boolean));
    const extent = top < 0 || left < 0 ? [0, 0] : [below - top + 1, beyond - left + 1];
    kit.lay(frame, [cells, cells], [top, left], extent);
    frame.className = `field-frame${level < chosen ? " field-before" : ""}`;
    lines.style.setProperty("--cells", String(cells));
    kit.write(title, nameOf(view, level));
    kit.write(size, word("size", { size: cells }));
    kit.write(sees, level ? word("sees", { field: fieldOf(layers.slice(0, level))[0] }) : "");
  });
}

function drawReading(view, { spoken }) {
  const { word, state, refused } = view;
  const { layers, level, row, column, rows, columns } = state();
  const place = { row: row + 1, column: column + 1 };
  const [field, jump] = fieldOf(layers.slice(0, level));
  const count = [rows, columns].map((lines) => lines.at(-1).filter(Boolean).length);
  const [middle, share] = middleOf(layers.slice(0, level));
  const shares = { share: kit.percent(share), cells: kit.percent(middle ** 2 / field ** 2) };
  const here = level
    ? `${word("here", { name: nameOf(view, level), ...place, field, jump })} ${
      word("effective", { middle, ...shares })}`
    : word("from_input", { ...place, count: count[0] * count[1] });
  kit.write(spoken, refused.now ? word("no_fit") : here);
  spoken.classList.toggle("field-warn", refused.now);
}

function drawControls(view, { chosen, kind, sliders, size, add, remove }) {
  const { layers, level } = view.state();
  const at = Math.max(1, level);
  kit.write(chosen, `${view.word("chosen")}: ${nameOf(view, at)}`);
  kind.set(layers[at - 1].kind);
  sliders.forEach((slider, k) => slider.set(layers[at - 1][NUMBERS[k]]));
  size.set(view.get("size"));
  add.disabled = layers.length >= MOST_LAYERS;
  remove.disabled = layers.length <= 1;
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const parts = makeParts(view, (name) => clock.mark(name));
  const forget = (go) => () => { view.refused.now = false; go(); };
  kit.keys(view.root, { path: view.path, more: {
    Enter: forget(() => view.climb(-1)), Backspace: forget(() => view.climb(1)),
  } });
  const draw = (part) => () => part(view, parts);
  const clock = kit.clock(view.root, model, [
    [draw(drawBoards), "theme", "layers", "size", "level", "position"],
    [draw(drawControls), "layers", "size", "level", "attempt"],
    [draw(drawReading), "layers", "size", "level", "position", "attempt"],
  ]);
  return clock.stop;
}

export default { render, sizesOf, line, fieldOf, middleOf };
