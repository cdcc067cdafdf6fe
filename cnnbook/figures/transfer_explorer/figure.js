// Transfer: five curves of accuracy over the number of labels, and the nearest neighbours of a
// picture, by pixels and by features. Everything was computed in Python; here it is looked at.

const METHODS = ["middle", "scratch", "last", "pixels", "untrained"];
const NEIGHBOURS = 5;
const SIDE = 28;
const BOX = { width: 420, height: 300, left: 40, right: 14, top: 14, bottom: 40 };
const TRAITS = ["counts", "curves", "place", "pictures", "labels", "classes", "queries", "query", "same"];

// How many of a query's neighbours have its class: by pixels, by features.
function right(labels, [asked, ...near]) {
  return [0, NEIGHBOURS].map((start) => near.slice(start, start + NEIGHBOURS)
    .filter((place) => labels[place] === labels[asked]).length);
}

// Where numbers lie in the picture: counts on a logarithmic axis, percent on a straight one.
function scales(counts, curves) {
  const rows = Object.values(curves).flat();
  const low = 10 * Math.floor(Math.min(...rows.map(([mean, off]) => mean - off)) / 10);
  const high = 10 * Math.ceil(Math.max(...rows.map(([mean, off]) => mean + off)) / 10);
  const [first, last] = [Math.log(counts[0]), Math.log(counts[counts.length - 1])];
  const share = (count) => (last > first ? (Math.log(count) - first) / (last - first) : 0);
  return {
    low, high,
    x: (count) => BOX.left + 14 + share(count) * (BOX.width - BOX.left - BOX.right - 28),
    y: (percent) => BOX.top + ((high - percent) / (high - low)) * (BOX.height - BOX.top - BOX.bottom),
  };
}

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "transfer_explorer");
  const { element, svg } = kit;
  const get = Object.fromEntries(TRAITS.map((name) => [name, () => model.get(name)]));
  const name = (place) => get.classes()[get.labels()[place]];

  // ---- the parts ------------------------------------------------------------------------------
  const chart = svg("svg", { viewBox: `0 0 ${BOX.width} ${BOX.height}`, "aria-hidden": "true" });
  const curves = element("div", { class: "transfer-chart", tabindex: 0, role: "group" }, chart);
  const slider = kit.slider({ label: word("count"), min: 0, max: 3, onInput: (place) => update({ place }) });
  const table = element("table", { class: "transfer-table" });
  const asked = element("div", { class: "transfer-asked", role: "group", "aria-label": word("ask") });
  const rows = ["by_pixels", "by_features"].map((kind) => {
    const title = element("div", { class: "transfer-title" });
    const pictures = element("div", { class: "transfer-near" });
    return { kind, title, pictures, node: element("section", {}, title, pictures) };
  });
  const overall = element("div", { class: "transfer-help" });
  const spoken = kit.live();
  root.append(
    element("div", { class: "transfer-part" },
      element("div", { class: "transfer-title" }, word("accuracy")), curves, slider.node, table),
    element("div", { class: "transfer-part" },
      element("div", { class: "transfer-title" }, word("ask")), asked, ...rows.map((row) => row.node), overall),
    element("div", { class: "transfer-wide" }, spoken, element("div", { class: "transfer-help" }, word("help"))));

  // ---- what the reader does -------------------------------------------------------------------
  function update(changes) {
    for (const [trait, list] of [["place", get.counts()], ["query", get.queries()]]) {
      if (trait in changes) {
        model.set(trait, Math.max(0, Math.min(list.length - 1, changes[trait])));
      }
    }
    model.save_changes();
  }
  const step = (event) => ({ ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 })[event.key];
  function keys(node, trait) {
    node.addEventListener("keydown", (event) => {
      const last = (trait === "place" ? get.counts() : get.queries()).length - 1;
      const by = step(event);
      if (by) update({ [trait]: get[trait]() + by });
      else if (event.key === "Home") update({ [trait]: 0 });
      else if (event.key === "End") update({ [trait]: last });
      else return;
      event.preventDefault();
      if (trait === "query") asked.children[get.query()].focus();
    });
  }
  keys(curves, "place");
  keys(asked, "query");
  function nearest(event) {
    const box = chart.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * BOX.width;
    const scale = scales(get.counts(), get.curves());
    const far = get.counts().map((count) => Math.abs(scale.x(count) - x));
    update({ place: far.indexOf(Math.min(...far)) });
  }
  chart.addEventListener("pointerdown", nearest);
  chart.addEventListener("pointermove", (event) => { if (event.buttons & 1) nearest(event); });

  // ---- the drawing ----------------------------------------------------------------------------
  let sheet = null; // the pictures as bytes; they do not change while the reader plays
  function readPictures() {
    sheet = Uint8Array.from(atob(get.pictures()), (letter) => letter.charCodeAt(0));
  }
  function picture(place) {
    const canvas = element("canvas", { "aria-hidden": "true" });
    kit.paint(canvas, SIDE, SIDE, (i, j) => Array(3).fill(sheet[(place * SIDE + i) * SIDE + j]));
    return canvas;
  }

  function drawChart() {
    const [counts, found, here] = [get.counts(), get.curves(), get.counts()[get.place()]];
    const scale = scales(counts, found);
    const [end, bottom] = [BOX.width - BOX.right, BOX.height - BOX.bottom];
    const parts = [];
    for (let mark = scale.low; mark <= scale.high; mark += 10) {
      parts.push(svg("line", { x1: BOX.left, x2: end, y1: scale.y(mark), y2: scale.y(mark), class: "transfer-grid" }),
        svg("text", { x: BOX.left - 6, y: scale.y(mark) + 4, "text-anchor": "end" }, String(mark)));
    }
    for (const count of counts) {
      parts.push(svg("text", { x: scale.x(count), y: bottom + 17, "text-anchor": "middle" }, String(count)));
    }
    parts.push(svg("text", { x: end, y: BOX.height - 5, "text-anchor": "end" }, word("count")),
      svg("line", { x1: scale.x(here), x2: scale.x(here), y1: BOX.top, y2: bottom, class: "transfer-here" }));
    for (const method of [...METHODS].reverse()) {
      const line = found[method].map(([mean], k) =>
        `${k ? "L" : "M"}${scale.x(counts[k]).toFixed(1)} ${scale.y(mean).toFixed(1)}`).join("");
      const bars = found[method].map(([mean, off], k) => {
        const [x, top, low] = [scale.x(counts[k]), scale.y(mean + off), scale.y(mean - off)];
        return `M${x} ${top}V${low}M${x - 5} ${top}h10M${x - 5} ${low}h10`;
      }).join("");
      parts.push(svg("g", { class: `transfer-${method}` },
        svg("path", { d: line, class: "transfer-line" }), svg("path", { d: bars, class: "transfer-bar" }),
        ...found[method].map(([mean], k) => svg("circle", { cx: scale.x(counts[k]), cy: scale.y(mean),
          r: counts[k] === here ? 6 : 4 }))));
    }
    chart.replaceChildren(...parts);
  }

  function drawTable() {
    const [count, place] = [get.counts()[get.place()], get.place()];
    const sample = (method) => svg("svg", { viewBox: "0 0 34 12", class: `transfer-sample transfer-${method}`,
      "aria-hidden": "true" }, svg("path", { d: "M0 6H34", class: "transfer-line" }),
    svg("circle", { cx: 17, cy: 6, r: 4 }));
    const values = METHODS.map((method) => [method, ...get.curves()[method][place].map((v) => v.toFixed(1))]);
    table.replaceChildren(
      element("tr", {}, element("td", {}), element("th", { scope: "col" }, "%"),
        element("th", { scope: "col" }, word("deviation"))),
      ...values.map(([method, mean, off]) => element("tr", {},
        element("th", { scope: "row" }, sample(method), word(method)),
        element("td", {}, mean), element("td", {}, `± ${off}`))));
    slider.input.max = get.counts().length - 1;
    slider.set(place);
    slider.node.querySelector("output").textContent = count;
    slider.input.setAttribute("aria-valuetext", count);
    curves.setAttribute("aria-label", `${word("accuracy")}, ${word("count")}: ${count}`);
    return values.map(([method, mean]) => `${word(method)} ${mean} %`).join(", ");
  }

  function drawPictures() {
    const [queries, chosen] = [get.queries(), get.query()];
    if (asked.children.length !== queries.length) {
      asked.replaceChildren(...queries.map(([place], k) => element("button", {
        type: "button", "aria-label": name(place), title: name(place), onclick: () => update({ query: k }),
      }, picture(place))));
    }
    [...asked.children].forEach((button, k) => {
      button.setAttribute("aria-pressed", k === chosen);
      button.tabIndex = k === chosen ? 0 : -1;
    });
    const [first, ...near] = queries[chosen];
    const hits = right(get.labels(), queries[chosen]);
    rows.forEach(({ kind, title, pictures }, k) => {
      title.textContent = `${word(kind)} · ${word("same_class", { right: hits[k] })}`;
      pictures.replaceChildren(...near.slice(k * NEIGHBOURS, (k + 1) * NEIGHBOURS).map((place) => {
        const same = get.labels()[place] === get.labels()[first];
        return element("figure", { class: same ? "transfer-right" : "transfer-wrong" }, picture(place),
          element("figcaption", {}, `${same ? "✓" : "✗"} ${name(place)}`));
      }));
    });
    overall.textContent = word("overall", get.same());
    return word("near", { name: name(first), by_pixels: hits[0], by_features: hits[1] });
  }

  let said = "";
  function draw() {
    drawChart();
    const values = drawTable();
    const now = `${word("here", { count: get.counts()[get.place()], values })} ${drawPictures()}`;
    if (now !== said) spoken.textContent = said = now;
  }
  const redraw = kit.oncePerFrame(draw);
  const undo = [
    kit.followTheme(root, () => {}), // colours come from the style sheet
    kit.onChange(model, ["pictures"], () => { readPictures(); asked.replaceChildren(); }),
    kit.onChange(model, TRAITS, redraw),
  ];
  readPictures();
  draw();
  return () => undo.forEach((stopListening) => stopListening());
}

export default { render, right, scales };
