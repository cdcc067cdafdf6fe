// The cost explorer: the shape of a small CNN, and what each of its layers costs. All numbers come
// from `costs`, which counts as cost_explorer.py does; a test compares the two.

const LAYERS = ["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"];
const EPOCH = 60000; // pictures

const product = (sizes) => sizes.reduce((all, size) => all * size, 1);
const sum = (layers, name) => layers.reduce((all, layer) => all + layer[name], 0);
// Shapes, multiplications and parameters of every layer there is. `written` is the product that
// gives the multiplications, `learned` the sum that gives the parameters.
function network(numbers) {
  const layers = [];
  let shape = [1, 28, 28];
  const add = (name, kind, after, multiplications, parameters, written, learned) => {
    const counts = { multiplications, parameters, written, learned };
    layers.push({ name, kind, before: shape, after, ...counts });
    shape = after;
  };
  for (const place of [1, 2]) {
    const [filters, kernel, stride] = ["filters", "kernel", "stride"].map(
      (name) => numbers[name + place]);
    const channels = shape[0];
    const [rows, columns] = shape.slice(1).map(
      (size) => Math.floor((size + 2 * Math.floor(kernel / 2) - kernel) / stride) + 1);
    const weights = filters * channels * kernel * kernel;
    const one = `${filters} · (${channels}·${kernel}·${kernel})`;
    add(`conv${place}`, "convolution", [filters, rows, columns], weights * rows * columns,
      weights + 2 * filters, `${rows}·${columns} · ${one}`, `${one} + 2 · ${filters}`);
    if (numbers[`pool${place}`]) {
      const halved = [filters, Math.floor(rows / 2), Math.floor(columns / 2)];
      add(`pool${place}`, "pooling", halved, 0, 0, "", "0");
    }
  }
  shape = [product(shape)]; // flattened
  const dense = (name, units, more) => {
    const weights = shape[0] * units;
    const written = `${shape[0]} · ${units}`;
    add(name, "dense", [units], weights, weights + more * units, written,
      `${written} + ${more} · ${units}`);
  };
  if (numbers.hidden) dense("fc1", numbers.hidden, 2); // a batch norm: two a unit
  dense("fc2", 10, 1); // a bias
  return layers;
}

// The same with bytes and times; milliseconds are those of a batch, as a lower bound.
function costs(numbers) {
  const { batch, peak, bandwidth } = numbers;
  return network(numbers).map((layer) => {
    const values = product(layer.before) + product(layer.after);
    const bytes = 4 * values + (4 * layer.parameters) / batch; // float32
    const computing = (2 * layer.multiplications * batch) / (peak * 1e6);
    const memory = (bytes * batch) / (bandwidth * 1e6);
    const [milliseconds, limit] = [Math.max(computing, memory), computing >= memory];
    return { ...layer, bytes, intensity: (2 * layer.multiplications) / bytes, computing, memory,
      milliseconds, limit: limit ? "computing" : "memory" };
  });
}

// Forward pass of a batch in ms and an epoch of training in s, as lower bounds. Training is three
// passes of the same size, two in the first layer: nobody needs the gradient of the picture.
function times(layers, batch) {
  const forward = sum(layers, "milliseconds");
  return { forward, epoch: ((3 * forward - layers[0].milliseconds) * EPOCH) / batch / 1000 };
}

const threeDigits = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const oneDecimal = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const rounded = (number) => threeDigits.format(number);

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "cost_explorer");
  const { get, put } = figure;
  const presets = get("presets");
  const traits = [...Object.keys(presets.course), "batch", "peak", "bandwidth"];
  const state = kit.derived(model, traits, () => {
    const numbers = Object.fromEntries(traits.map((name) => [name, get(name)]));
    const layers = costs(numbers);
    return { numbers, layers, all: sum(layers, "multiplications"), ...times(layers, get("batch")) };
  });
  // The chosen layer, or the one before it that is still there.
  const rank = (name) => LAYERS.indexOf(name);
  const chosen = () => state().layers.findLast(({ name }) => rank(name) <= rank(get("layer")));
  const path = kit.walk({
    place: () => [state().layers.indexOf(chosen())], shape: () => [state().layers.length],
    go: ([place]) => put({ layer: state().layers[place].name }),
  });
  return { ...figure, presets, traits, state, chosen, path };
}

// ---- the parts ----------------------------------------------------------------------------------

// By the name of the trait; `of` is the layer, for those who hear a control's name without seeing
// where it stands.
function makeControls({ word, put }) {
  const about = (trait, of) => {
    const label = word(trait.replace(/\d/, ""));
    return { label, name: `${of} ${label}`.trim(), onInput: (value) => put({ [trait]: value }) };
  };
  const slider = (trait, of, min, max, step = 1) =>
    kit.slider({ ...about(trait, of), min, max, step });
  const hidden = slider("hidden", "", 0, 1024, 8);
  const batch = kit.select({
    label: word("batch"), onInput: (value) => put({ batch: Number(value) }),
    options: Array.from({ length: 11 }, (_, power) => [2 ** power, 2 ** power]),
  });
  return Object.assign({ hidden, batch }, ...[1, 2].map((place) => ({
    [`filters${place}`]: slider(`filters${place}`, `conv${place}`, 1, 128),
    [`kernel${place}`]: slider(`kernel${place}`, `conv${place}`, 1, 7, 2),
    [`stride${place}`]: slider(`stride${place}`, `conv${place}`, 1, 3),
    [`pool${place}`]: kit.tick(about(`pool${place}`, `conv${place}`)),
  })));
}

// A row a layer. On a narrow page a row becomes a block: the roles keep it a table, the labels name
// the numbers.
const COLUMNS = ["output", "multiplications", "parameters", "bytes", "intensity", "milliseconds"];

function makeRow(word, head) {
  const { element } = kit;
  const cells = Object.fromEntries(COLUMNS.map((name) => [name,
    element("td", { role: "cell", class: `cost-${name}`, "data-label": word(name) })]));
  const first = element("th", { role: "rowheader", scope: "row" }, head);
  return { cells, node: element("tr", { role: "row" }, first, ...Object.values(cells)) };
}

function makeLayer({ word, put }, name) {
  const { element } = kit;
  const button = element("button", { type: "button", class: "cost-name" }, name);
  const { cells, node } = makeRow(word, button);
  const [count, least, limit, share] = [...[1, 2, 3].map(() => element("span")), element("small")];
  const bar = element("span", { class: "cost-bar", "aria-hidden": "true" });
  cells.multiplications.append(element("span", {}, count, share), bar);
  cells.milliseconds.append(least, limit);
  node.addEventListener("click", () => put({ layer: name }));
  return { button, cells, node, count, share, bar, least, limit };
}

function makeTable(view) {
  const { element } = kit;
  const { word } = view;
  const rows = Object.fromEntries(LAYERS.map((name) => [name, makeLayer(view, name)]));
  const total = makeRow(word, word("total"));
  const heads = ["layer", ...COLUMNS].map((name) =>
    element("th", { role: "columnheader", scope: "col" }, word(name)));
  const table = element("table", { class: "cost-table", role: "table", "aria-label": word("move") },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
    element("tbody", { role: "rowgroup" }, ...Object.values(rows).map((one) => one.node)),
    element("tfoot", { role: "rowgroup" }, total.node));
  return { table, rows, total };
}

function makeParts(view) {
  const { element } = kit;
  const { root, word, presets, put } = view;
  const controls = makeControls(view);
  const buttons = Object.keys(presets).map((name) =>
    ({ name, node: kit.button({ label: word(name), onClick: () => put(presets[name]) }) }));
  const box = (name, ...children) => element("div", { class: `cost-${name}` }, ...children);
  const section = (name, ...children) => element("section", { class: `cost-${name}` }, ...children);
  const status = (name) =>
    element("div", { class: `cost-${name}`, role: "status", "aria-live": "polite" });
  const fact = (text) => {
    const [value, label] = [element("b"), element("span", {}, text)];
    return { value, label, node: box("fact", value, label) };
  };
  const facts = {
    multiplications: fact(word("a_picture")), parameters: fact(word("all_parameters")),
    forward: fact(""), epoch: fact(word("epoch")),
  };
  const group = (place) => element("fieldset", { class: "cost-group" },
    element("legend", {}, `conv${place}`),
    ...["filters", "kernel", "stride", "pool"].map((name) => controls[name + place].node));
  const { table, rows, total } = makeTable(view);
  const [compared, said] = [status("compared"), status("said")];
  const [legend, sums, machine] = [box("legend"), box("sums"), element("p")];
  root.append(
    section("controls", box("buttons", ...buttons.map(({ node }) => node)), group(1), group(2),
      box("group cost-rest", controls.hidden.node, controls.batch.node)),
    section("facts", ...Object.values(facts).map(({ node }) => node), compared),
    table, section("chosen", said, legend, sums),
    section("notes", machine, ...["note", "training", "help"].map((name) =>
      element("p", {}, word(name)))));
  return { controls, buttons, facts, table, rows, total, compared, said, legend, sums, machine };
}

// ---- the drawing --------------------------------------------------------------------------------

function drawControls({ get, presets }, { controls, buttons }) {
  Object.entries(controls).forEach(([name, control]) => control.set(get(name)));
  buttons.forEach(({ name, node }) => node.setAttribute("aria-pressed",
    String(Object.entries(presets[name]).every(([trait, value]) => value === get(trait)))));
}

function drawRows({ word, state }, { rows }) {
  const { counted, write } = kit;
  Object.values(rows).forEach(({ node }) => { node.hidden = true; });
  for (const layer of state().layers) {
    const { node, cells, count, share, bar, least, limit } = rows[layer.name];
    const part = layer.multiplications / state().all;
    node.hidden = false;
    node.dataset.kind = layer.kind;
    write(cells.output, layer.after.join(" × "));
    write(count, counted(layer.multiplications));
    write(share, ` ${oneDecimal.format(100 * part)}%`);
    bar.style.setProperty("--share", String(part));
    write(cells.parameters, counted(layer.parameters));
    write(cells.bytes, counted(layer.bytes));
    write(cells.intensity, rounded(layer.intensity));
    write(least, `≥ ${rounded(layer.milliseconds)} ms `);
    write(limit, word(layer.limit));
    limit.className = `cost-limit cost-${layer.limit}`;
  }
}

function drawTotal({ word, state, presets }, { total, facts, compared }) {
  const { counted, write } = kit;
  const { numbers, layers, all, forward, epoch } = state();
  ["multiplications", "parameters", "bytes"].forEach((name) =>
    write(total.cells[name], counted(sum(layers, name))));
  write(total.cells.intensity, rounded((2 * all) / sum(layers, "bytes")));
  write(total.cells.milliseconds, `≥ ${rounded(forward)} ms`);
  write(facts.multiplications.value, counted(all));
  write(facts.parameters.value, counted(sum(layers, "parameters")));
  write(facts.forward.value, `≥ ${rounded(forward)} ms`);
  write(facts.forward.label, word("forward", { batch: numbers.batch }));
  write(facts.epoch.value, `≥ ${rounded(epoch)} s`);
  const course = sum(network(presets.course), "multiplications");
  const [fewer, more] = [course / all, all / course].map(rounded);
  write(compared, fewer === "1" ? word("as_many")
    : all < course ? word("fewer", { times: fewer }) : word("more", { times: more }));
}

// The chosen row: the table has one Tab stop, and the focus goes along.
function drawHere({ chosen }, { table, rows }) {
  Object.entries(rows).forEach(([name, { node, button }]) => {
    const here = name === chosen().name;
    node.classList.toggle("cost-here", here);
    button.setAttribute("aria-pressed", String(here));
    button.tabIndex = here ? 0 : -1;
  });
  if (table.matches(":focus-within")) rows[chosen().name].button.focus();
}

function drawChosen({ word, state, chosen }, { said, legend, sums, machine }) {
  const { element, counted } = kit;
  const { batch, peak, bandwidth } = state().numbers;
  const [speed, width, ridge] = [peak, bandwidth, peak / bandwidth].map(rounded);
  const layer = chosen();
  const [bytes, multiplications, parameters] = ["bytes", "multiplications", "parameters"].map(
    (name) => counted(layer[name]));
  said.dataset.kind = layer.kind;
  kit.write(said, word("said", {
    layer: layer.name, limit: word(`limited_${layer.limit}`),
    product: layer.written ? `${layer.written} = ${multiplications}` : word("no_product"),
  }));
  kit.write(legend, word(`as_${layer.kind}`));
  const [input, output] = [layer.before, layer.after].map((shape) => shape.join("·"));
  const lines = {
    parameters_sum: `${layer.learned} = ${parameters}`,
    bytes_sum: `4 · (${input} + ${output}) + 4 · ${parameters} / ${batch} = ${bytes}`,
    computing_sum: `${batch} · 2 · ${multiplications} / ${speed} GFLOP/s`
      + ` = ${rounded(layer.computing)} ms`,
    memory_sum: `${batch} · ${bytes} / ${width} GB/s = ${rounded(layer.memory)} ms`,
  };
  sums.replaceChildren(...Object.entries(lines).flatMap(([line, text]) => [
    element("div", { class: "cost-legend" }, word(line)),
    element("div", { class: "cost-sum" }, text)]));
  kit.write(machine, word("machine", { peak: speed, bandwidth: width, ridge }));
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const parts = makeParts(view);
  const { traits } = view;
  kit.keys(view.root, { path: view.path });
  const draw = (part) => () => part(view, parts);
  const clock = kit.clock(view.root, model, [
    [draw(drawControls), ...traits],
    [draw(drawRows), ...traits],
    [draw(drawTotal), ...traits],
    [draw(drawHere), ...traits, "layer"],
    [draw(drawChosen), ...traits, "layer"],
  ]);
  return clock.stop;
}

export default { render, costs, times };
