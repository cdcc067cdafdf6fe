// Training curves: loss and accuracy over the epochs. They fill while Python trains; afterwards
// the reader moves along them with the arrow keys, the slider or the pointer.

const BOX = { width: 420, height: 270, left: 48, right: 12, top: 30, bottom: 38 };
const TRAITS = ["points", "validation", "total", "kept", "position", "running"];

// Round numbers that cut the range from `low` to `high` into about `count` parts.
function ticks(low, high, count) {
  const rough = Math.max(high - low, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const first = Math.ceil(low / size - 1e-9);
  const last = Math.floor(high / size + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) },
    (_, index) => Number(((first + index) * size).toPrecision(12)));
}

// The range of an axis that holds all values: widened to round numbers, accuracy never above 1.
function range(values, most) {
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const size = Math.max(high - low, 0.02);
  const marks = ticks(low - size, high + size, 15);
  const under = marks.filter((mark) => mark <= low && mark < most).pop();
  const over = marks.find((mark) => mark >= high && mark > under);
  return [Math.max(0, under), Math.min(most, over)];
}

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "training_curve");
  const { element, svg } = kit;
  const points = () => model.get("points");
  // -1 stands for the newest point; a run that starts again may have fewer points than before.
  const position = () => {
    const [place, last] = [model.get("position"), points().length - 1];
    return place < 0 || place > last ? last : place;
  };
  // The validation that the reader can know of at this epoch: the last one before it.
  const validationAt = (epoch) =>
    model.get("validation").filter((row) => row[0] <= epoch + 1e-6).pop();

  // ---- the parts ------------------------------------------------------------------------------
  const panels = [["loss", 1, Infinity], ["accuracy", 2, 1]].map(([name, column, most]) => {
    const picture = svg("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, "aria-hidden": "true" });
    const curves = svg("g");
    const cursor = svg("g");
    picture.append(curves, cursor);
    picture.addEventListener("pointerdown", (event) => moveTo(nearest(picture, event)));
    picture.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) moveTo(nearest(picture, event));
    });
    const node = element("div", { class: "curve-panel", tabindex: 0, role: "group" }, picture);
    return { name, column, most, node, curves, cursor, scale: null };
  });
  const slider = kit.slider({ label: word("epoch"), min: 0, max: 0, onInput: moveTo });
  const table = element("table", { class: "curve-table" });
  const status = element("div", { class: "curve-help" });
  const spoken = kit.live();
  spoken.classList.add("curve-spoken");
  root.append(
    ...panels.map((panel) => panel.node),
    element("div", { class: "curve-wide" }, slider.node),
    element("div", { class: "curve-wide" }, table),
    element("div", { class: "curve-wide" }, status, spoken));

  // ---- what the reader does -------------------------------------------------------------------
  function moveTo(place) {
    const last = points().length - 1;
    if (last < 0) return;
    model.set("position", Math.max(0, Math.min(place, last)));
    model.save_changes();
  }
  function nearest(picture, event) {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * BOX.width;
    const distances = points().map((point) => Math.abs(panels[0].scale.x(point[0]) - x));
    return distances.indexOf(Math.min(...distances));
  }
  root.addEventListener("keydown", (event) => {
    if (event.target === slider.input) return; // it moves by itself
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by) moveTo(position() + by);
    else if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(points().length - 1);
    else return;
    event.preventDefault();
  });

  // ---- the drawing ----------------------------------------------------------------------------
  const fixed = (number, digits = 3) => number.toFixed(digits);
  const path = (scale, rows, column) => rows.map((row, index) =>
    `${index ? "L" : "M"}${scale.x(row[0]).toFixed(1)} ${scale.y(row[column]).toFixed(1)}`).join("");

  function drawCurves(panel) {
    const { column, most, name } = panel;
    const validation = model.get("validation");
    const all = [...points(), ...validation].map((row) => row[column]);
    const [low, high] = range(all, most);
    const total = model.get("total");
    const scale = {
      x: (epoch) => BOX.left + (epoch / total) * (BOX.width - BOX.left - BOX.right),
      y: (value) => BOX.top
        + ((high - value) / (high - low || 1)) * (BOX.height - BOX.top - BOX.bottom),
    };
    panel.scale = scale;
    const [right, bottom] = [BOX.width - BOX.right, BOX.height - BOX.bottom];
    const parts = [svg("text", { x: 4, y: 18, class: "curve-title" }, word(name))];
    const digits = high - low < 0.1 ? 2 : 1;
    for (const mark of ticks(low, high, 5)) {
      const y = scale.y(mark);
      const label = String(Number(mark.toFixed(digits + 1)));
      parts.push(svg("line", { x1: BOX.left, x2: right, y1: y, y2: y, class: "curve-grid" }),
        svg("text", { x: BOX.left - 6, y: y + 4, class: "curve-quiet", "text-anchor": "end" }, label));
    }
    for (const mark of ticks(0, total, 6)) {
      parts.push(svg("text", { x: scale.x(mark), y: bottom + 17, class: "curve-quiet",
        "text-anchor": "middle" }, String(mark)));
    }
    parts.push(svg("text", { x: right, y: BOX.height - 4, class: "curve-quiet",
      "text-anchor": "end" }, word("epoch")));
    if (model.get("kept") && validation.length) {
      const x = scale.x(model.get("kept"));
      const anchor = x > BOX.width / 2 ? "end" : "start";
      parts.push(svg("line", { x1: x, x2: x, y1: BOX.top, y2: bottom, class: "curve-kept" }),
        svg("text", { x, y: BOX.top - 6, class: "curve-quiet", "text-anchor": anchor }, word("kept")));
    }
    parts.push(svg("path", { d: path(scale, points(), column), class: "curve-line curve-training" }),
      svg("path", { d: path(scale, validation, column), class: "curve-line curve-validation" }));
    for (const row of validation) {
      parts.push(svg("circle", { cx: scale.x(row[0]), cy: scale.y(row[column]), r: 4,
        class: "curve-dot" }));
    }
    panel.curves.replaceChildren(...parts, ...labels(panel));
  }

  // The names of the curves, in the corner that curves of this kind leave free.
  function labels({ column }) {
    const names = model.get("validation").length ? ["training", "validation"] : ["training"];
    return names.map((name, index) => svg("text", {
      x: BOX.width - BOX.right - 8, "text-anchor": "end", class: `curve-name curve-${name}`,
      y: column === 1 ? BOX.top + 20 + 19 * index
        : BOX.height - BOX.bottom - 10 - 19 * (names.length - 1 - index),
    }, `${name === "training" ? "—" : "●"} ${word(name)}`));
  }

  function drawCursor({ column, cursor, scale }) {
    const point = points()[position()];
    if (!point) { cursor.replaceChildren(); return; }
    const x = scale.x(point[0]);
    const ring = (row, name) => svg("circle",
      { cx: scale.x(row[0]), cy: scale.y(row[column]), r: 6, class: `curve-ring curve-${name}` });
    const known = validationAt(point[0]);
    cursor.replaceChildren(
      svg("line", { x1: x, x2: x, y1: BOX.top, y2: BOX.height - BOX.bottom, class: "curve-cursor" }),
      ...(known ? [ring(known, "validation")] : []), ring(point, "training"));
  }

  function drawNumbers() {
    const point = points()[position()];
    const known = point && validationAt(point[0]);
    const values = point && { epoch: fixed(point[0], 2), loss: fixed(point[1]),
      accuracy: fixed(point[2]), learning_rate: fixed(point[3], 4) };
    const line = (name, row, rate) => element("tr", {},
      element("th", { class: `curve-rowname curve-${name}`, scope: "row" }, word(name)),
      ...[row && fixed(row[0], 2), row && fixed(row[1]), row && fixed(row[2]), rate]
        .map((text) => element("td", {}, text || "–")));
    table.replaceChildren(
      element("tr", {}, element("td", {}), ...["epoch", "loss", "accuracy", "learning_rate"]
        .map((name) => element("th", { scope: "col" }, word(name)))),
      line("training", point, values?.learning_rate),
      ...(model.get("validation").length ? [line("validation", known, "")] : []));
    slider.input.max = Math.max(0, points().length - 1);
    slider.input.disabled = !point;
    slider.set(Math.max(0, position()));
    slider.node.querySelector("output").textContent = values ? values.epoch : "–";
    const said = !values ? word("waiting") : [word("here", values), ...(known
      ? [word("here_validation", { epoch: fixed(known[0], 2), loss: fixed(known[1]),
        accuracy: fixed(known[2]) })] : [])].join(" ");
    slider.input.setAttribute("aria-valuetext", said);
    panels.forEach(({ node, name }) =>
      node.setAttribute("aria-label", `${word(name)}. ${word("help")}`));
    const running = model.get("running");
    status.textContent = running
      ? word("progress", { done: values ? values.epoch : "0", total: model.get("total") })
      : word("help");
    if (!running) spoken.textContent = said; // not at every step of a run
  }

  function drawAll() {
    panels.forEach(drawCurves);
    panels.forEach(drawCursor);
    drawNumbers();
  }
  const undo = [
    kit.followTheme(root, () => {}), // colours come from the style sheet
    kit.onChange(model, TRAITS, kit.oncePerFrame(drawAll)),
  ];
  drawAll();
  return () => undo.forEach((stopListening) => stopListening());
}

export default { render, ticks, range };
