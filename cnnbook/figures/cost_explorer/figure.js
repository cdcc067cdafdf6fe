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
    layers.push({ name, kind, before: shape, after, multiplications, parameters, written, learned });
    shape = after;
  };
  for (const place of [1, 2]) {
    const [filters, kernel, stride] = ["filters", "kernel", "stride"].map((name) => numbers[name + place]);
    const channels = shape[0];
    const [rows, columns] = shape.slice(1).map(
      (size) => Math.floor((size + 2 * Math.floor(kernel / 2) - kernel) / stride) + 1);
    const weights = filters * channels * kernel * kernel;
    const one = `${filters} · (${channels}·${kernel}·${kernel})`;
    add(`conv${place}`, "convolution", [filters, rows, columns], weights * rows * columns,
      weights + 2 * filters, `${rows}·${columns} · ${one}`, `${one} + 2 · ${filters}`);
    if (numbers[`pool${place}`]) {
      add(`pool${place}`, "pooling", [filters, Math.floor(rows / 2), Math.floor(columns / 2)], 0, 0, "", "0");
    }
  }
  shape = [product(shape)]; // flattened
  const dense = (name, units, more) => {
    const weights = shape[0] * units;
    const written = `${shape[0]} · ${units}`;
    add(name, "dense", [units], weights, weights + more * units, written, `${written} + ${more} · ${units}`);
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
    return { ...layer, bytes, intensity: (2 * layer.multiplications) / bytes, computing, memory,
      milliseconds: Math.max(computing, memory), limit: computing >= memory ? "computing" : "memory" };
  });
}

// Forward pass of a batch in ms and an epoch of training in s, as lower bounds. Training is three
// passes of the same size, two in the first layer: nobody needs the gradient of the picture.
function times(layers, batch) {
  const forward = sum(layers, "milliseconds");
  return { forward, epoch: ((3 * forward - layers[0].milliseconds) * EPOCH) / batch / 1000 };
}

const counted = (number) => Math.round(number).toLocaleString("en-US");
const digits = (number) => number.toLocaleString("en-US", { maximumSignificantDigits: 3 });
const percent = (share) => `${(100 * share).toLocaleString("en-US", { maximumFractionDigits: 1 })} %`;

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "cost_explorer");
  const { element } = kit;
  const presets = model.get("presets");
  const NETWORK = Object.keys(presets.course); // filters1, kernel1, …
  const NUMBERS = [...NETWORK, "batch", "peak", "bandwidth"];
  const course = sum(network(presets.course), "multiplications");
  let layers = [];

  // ---- the controls ---------------------------------------------------------------------------
  const update = (changes) => {
    Object.entries(changes).forEach(([name, value]) => model.set(name, value));
    model.save_changes();
  };
  const controls = {};
  // `of` is the layer, for those who hear the control's name without seeing where it stands.
  const slider = (name, text, of, min, max, step) => {
    const one = kit.slider({ label: word(text), min, max, onInput: (value) => update({ [name]: value }) });
    one.input.step = step;
    if (of) one.input.setAttribute("aria-label", `${of} ${word(text)}`);
    controls[name] = one;
    return one.node;
  };
  const tick = (name, of) => {
    const input = element("input", { type: "checkbox", "aria-label": `${of} ${word("pool")}`,
      onchange: () => update({ [name]: input.checked }) });
    controls[name] = { input, set: (value) => { input.checked = value; } };
    return element("label", { class: "cost-tick" }, input, word("pool"));
  };
  const convolution = (place) => element("fieldset", { class: "cost-group" },
    element("legend", {}, `conv${place}`),
    slider(`filters${place}`, "filters", `conv${place}`, 1, 128, 1),
    slider(`kernel${place}`, "kernel", `conv${place}`, 1, 7, 2),
    slider(`stride${place}`, "stride", `conv${place}`, 1, 3, 1),
    tick(`pool${place}`, `conv${place}`));
  controls.batch = kit.select({ label: word("batch"),
    options: Array.from({ length: 11 }, (_, power) => [2 ** power, 2 ** power]),
    onInput: (value) => update({ batch: Number(value) }) });
  const buttons = Object.keys(presets).map((name) =>
    [name, kit.button({ label: word(name), onClick: () => update(presets[name]) })]);

  // ---- the totals -----------------------------------------------------------------------------
  const fact = (text, value = element("b"), label = element("span", {}, text)) => (
    { value, label, node: element("div", { class: "cost-fact" }, value, label) });
  const facts = { multiplications: fact(word("a_picture")), parameters: fact(word("all_parameters")),
    forward: fact(""), epoch: fact(word("epoch")) };
  const compared = element("div", { class: "cost-compared", role: "status", "aria-live": "polite" });

  // ---- the table: a row a layer ---------------------------------------------------------------
  const COLUMNS = ["output", "multiplications", "parameters", "bytes", "intensity", "milliseconds"];
  // On a narrow page a row becomes a block: the roles keep it a table, the labels name the numbers.
  const row = (head) => {
    const cells = Object.fromEntries(COLUMNS.map((name) => [name,
      element("td", { role: "cell", class: `cost-${name}`, "data-label": word(name) })]));
    const first = element("th", { role: "rowheader", scope: "row" }, head);
    return { cells, node: element("tr", { role: "row" }, first, ...Object.values(cells)) };
  };
  const rows = Object.fromEntries(LAYERS.map((name) => {
    const button = element("button", { type: "button", class: "cost-name" }, name);
    const one = row(button);
    one.node.addEventListener("click", () => choose(name));
    return [name, { ...one, button }];
  }));
  const total = row(word("total"));
  const heads = ["layer", ...COLUMNS].map((name) =>
    element("th", { role: "columnheader", scope: "col" }, word(name)));
  const table = element("table", { class: "cost-table", role: "table", "aria-label": word("move") },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
    element("tbody", { role: "rowgroup" }, ...Object.values(rows).map((one) => one.node)),
    element("tfoot", { role: "rowgroup" }, total.node));

  // ---- the chosen layer -----------------------------------------------------------------------
  const said = element("div", { class: "cost-said", role: "status", "aria-live": "polite" });
  const legend = element("div", { class: "cost-legend" });
  const sums = element("div", { class: "cost-sums" });
  const machine = element("p");
  root.append(
    element("section", { class: "cost-controls" },
      element("div", { class: "cost-buttons" }, ...buttons.map(([, button]) => button)),
      convolution(1), convolution(2),
      element("div", { class: "cost-group cost-rest" },
        slider("hidden", "hidden", "", 0, 1024, 8), controls.batch.node)),
    element("section", { class: "cost-facts" }, ...Object.values(facts).map((one) => one.node), compared),
    table,
    element("section", { class: "cost-chosen" }, said, legend, sums),
    element("section", { class: "cost-notes" }, machine, ...["note", "training", "help"].map(
      (name) => element("p", {}, word(name)))));

  // The chosen layer, or the one before it that is still there.
  const rank = (name) => LAYERS.indexOf(name);
  const chosen = () => layers.findLast((layer) => rank(layer.name) <= rank(model.get("layer")));
  function choose(name) {
    if (name !== model.get("layer")) update({ layer: name });
  }
  root.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select")) return;
    const place = layers.indexOf(chosen());
    const next = { ArrowUp: place - 1, ArrowDown: place + 1, Home: 0, End: layers.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (!layers[next]) return;
    choose(layers[next].name);
    if (event.target.matches(".cost-name")) rows[layers[next].name].button.focus();
  });

  // ---- the drawing ----------------------------------------------------------------------------
  function drawRow(layer, all) {
    const { node, cells, button } = rows[layer.name];
    const share = layer.multiplications / all;
    const bar = element("span", { class: "cost-bar", "aria-hidden": "true" });
    node.dataset.kind = layer.kind;
    cells.output.textContent = layer.after.join(" × ");
    cells.multiplications.replaceChildren(element("span", {}, counted(layer.multiplications),
      element("small", {}, ` ${percent(share)}`)), bar);
    bar.style.setProperty("--share", share);
    cells.parameters.textContent = counted(layer.parameters);
    cells.bytes.textContent = counted(layer.bytes);
    cells.intensity.textContent = digits(layer.intensity);
    cells.milliseconds.replaceChildren(`≥ ${digits(layer.milliseconds)} ms `,
      element("span", { class: `cost-limit cost-${layer.limit}` }, word(layer.limit)));
    const here = layer === chosen();
    node.classList.toggle("cost-here", here);
    button.setAttribute("aria-pressed", here);
    button.tabIndex = here ? 0 : -1;
  }
  function drawTotal(numbers) {
    const all = {};
    const { forward, epoch } = times(layers, numbers.batch);
    for (const name of ["multiplications", "parameters", "bytes"]) {
      all[name] = sum(layers, name);
      total.cells[name].textContent = counted(all[name]);
    }
    total.cells.intensity.textContent = digits((2 * all.multiplications) / all.bytes);
    total.cells.milliseconds.textContent = `≥ ${digits(forward)} ms`;
    facts.multiplications.value.textContent = counted(all.multiplications);
    facts.parameters.value.textContent = counted(all.parameters);
    facts.forward.value.textContent = `≥ ${digits(forward)} ms`;
    facts.forward.label.textContent = word("forward", { batch: numbers.batch });
    facts.epoch.value.textContent = `≥ ${digits(epoch)} s`;
    const [fewer, more] = [course / all.multiplications, all.multiplications / course].map(digits);
    compared.textContent = fewer === "1" ? word("as_many")
      : all.multiplications < course ? word("fewer", { times: fewer }) : word("more", { times: more });
    return all.multiplications;
  }
  function drawChosen({ batch, peak, bandwidth }) {
    const layer = chosen();
    const [speed, width] = [peak, bandwidth].map(digits);
    const { name, kind, written, multiplications } = layer;
    said.dataset.kind = kind;
    said.textContent = word("said", { layer: name, limit: word(`limited_${layer.limit}`),
      product: written ? `${written} = ${counted(multiplications)}` : word("no_product") });
    legend.textContent = word(`as_${kind}`);
    const [input, output] = [layer.before, layer.after].map((shape) => shape.join("·"));
    const lines = {
      parameters_sum: `${layer.learned} = ${counted(layer.parameters)}`,
      bytes_sum: `4 · (${input} + ${output}) + 4 · ${counted(layer.parameters)} / ${batch} = ${counted(layer.bytes)}`,
      computing_sum: `${batch} · 2 · ${counted(multiplications)} / ${speed} GFLOP/s = ${digits(layer.computing)} ms`,
      memory_sum: `${batch} · ${counted(layer.bytes)} / ${width} GB/s = ${digits(layer.memory)} ms`,
    };
    sums.replaceChildren(...Object.entries(lines).flatMap(([line, text]) =>
      [element("div", { class: "cost-legend" }, word(line)), element("div", { class: "cost-sum" }, text)]));
    machine.textContent = word("machine",
      { peak: speed, bandwidth: width, ridge: digits(peak / bandwidth) });
  }
  function drawAll() {
    const numbers = Object.fromEntries(NUMBERS.map((name) => [name, model.get(name)]));
    layers = costs(numbers);
    Object.entries(controls).forEach(([name, control]) => control.set(numbers[name]));
    buttons.forEach(([name, button]) => button.setAttribute("aria-pressed",
      NETWORK.every((key) => presets[name][key] === numbers[key])));
    Object.entries(rows).forEach(([name, one]) => {
      one.node.hidden = !layers.some((layer) => layer.name === name);
    });
    const all = drawTotal(numbers);
    layers.forEach((layer) => drawRow(layer, all));
    drawChosen(numbers);
  }
  const redraw = kit.oncePerFrame(drawAll);
  const undo = [kit.followTheme(root, () => {}), // colours come from the style sheet
    kit.onChange(model, [...NUMBERS, "layer"], redraw)];
  drawAll();
  return () => undo.forEach((stopListening) => stopListening());
}

export default { render, costs, times };
