// Transfer: five curves of accuracy over the number of labels, and the nearest neighbours of a
// picture, by pixels and by features. Everything was computed in Python; here it is looked at.

const METHODS = ["middle", "scratch", "last", "pixels", "untrained"];
const NEIGHBOURS = 5;
const SIDE = 28;
const BOX = { width: 420, height: 300, left: 40, right: 14, top: 14, bottom: 40 };
const RIGHT = BOX.width - BOX.right;
const BOTTOM = BOX.height - BOX.bottom;
const CURVES = ["counts", "curves"]; // the traits of the left half, and of the right one
const PICTURES = ["pictures", "labels", "classes", "queries"];

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
    x: (count) => BOX.left + 14 + share(count) * (RIGHT - BOX.left - 28),
    y: (percent) => BOX.top + ((high - percent) / (high - low)) * (BOTTOM - BOX.top),
  };
}

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "transfer_explorer");
  const { get, put } = figure;
  const scale = kit.derived(model, CURVES, () => scales(get("counts"), get("curves")));
  const sheet = kit.derived(model, ["pictures"], () => // the pictures as bytes
    Uint8Array.from(atob(get("pictures")), (letter) => letter.charCodeAt(0)));
  const through = (trait, list) => kit.walk({
    place: () => [get(trait)], shape: () => [get(list).length],
    go: ([value]) => put({ [trait]: value }),
  });
  return {
    ...figure, scale, sheet, path: through("place", "counts"), ask: through("query", "queries"),
    count: () => get("counts")[get("place")],
    query: () => get("queries")[get("query")],
    name: (place) => get("classes")[get("labels")[place]],
  };
}

function listen({ get, scale, path, ask }, { curves, chart, asked }) {
  kit.keys(curves, { path, arrow: (down, right) => path.by(right - down) });
  const focused = (go) => (...ways) => { go(...ways); asked.children[get("query")].focus(); };
  kit.keys(asked, {
    arrow: focused((down, right) => ask.by(right - down)),
    more: { Home: focused(ask.first), End: focused(ask.last) },
  });
  kit.follow(chart, ([, right]) => { // to the nearest
    const far = get("counts").map((count) => Math.abs(scale().x(count) - right * BOX.width));
    path.to([far.indexOf(Math.min(...far))]);
  }, { hover: false });
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts({ root, word, path }) {
  const { element, svg } = kit;
  const part = (kind, ...children) => element("div", { class: `transfer-${kind}` }, ...children);
  const [lines, here, dots] = [svg("g"), svg("line", { class: "transfer-here" }), svg("g")];
  const chart = svg("svg", {
    viewBox: `0 0 ${BOX.width} ${BOX.height}`, "aria-hidden": "true",
  }, lines, here, dots);
  const curves = element("div", { class: "transfer-chart", tabindex: 0, role: "group" }, chart);
  const slider = kit.slider({
    label: word("count"), min: 0, max: 3, onInput: (place) => path.to([place]),
  });
  const cells = METHODS.map(() => [element("td"), element("td")]); // a mean, and how far it is off
  const sample = (method) => svg("svg", {
    viewBox: "0 0 34 12", class: `transfer-sample transfer-${method}`, "aria-hidden": "true",
  }, svg("path", { d: "M0 6H34", class: "transfer-line" }), svg("circle", { cx: 17, cy: 6, r: 4 }));
  const table = element("table", { class: "transfer-table" },
    element("tr", {}, element("td"),
      ...["%", word("deviation")].map((head) => element("th", { scope: "col" }, head))),
    ...METHODS.map((method, row) => element("tr", {},
      element("th", { scope: "row" }, sample(method), word(method)), ...cells[row])));
  const asked = element("div", {
    class: "transfer-asked", role: "group", "aria-label": word("ask"),
  });
  const rows = ["by_pixels", "by_features"].map((kind) => {
    const [title, pictures] = [part("title"), part("near")];
    return { kind, title, pictures, node: element("section", {}, title, pictures) };
  });
  const overall = part("help");
  const spoken = kit.live();
  root.append(part("part", part("title", word("accuracy")), curves, slider.node, table),
    part("part", part("title", word("ask")), asked, ...rows.map((row) => row.node), overall),
    part("wide", spoken, part("help", word("help"))));
  return { lines, here, dots, chart, curves, slider, cells, asked, rows, overall, spoken };
}

// ---- the drawing --------------------------------------------------------------------------------

// What does not depend on the place: the axes, and for each method a line with its deviations.
function drawCurves({ word, get, scale }, { lines, dots }) {
  const { svg } = kit;
  const { low, high, x, y } = scale();
  const [counts, curves] = CURVES.map(get);
  const text = (value, right, down, anchor) =>
    svg("text", { x: right, y: down, "text-anchor": anchor }, String(value));
  const marks = Array.from({ length: (high - low) / 10 + 1 }, (_, index) => low + 10 * index);
  lines.replaceChildren(
    ...marks.flatMap((mark) => [
      svg("line", { x1: BOX.left, x2: RIGHT, y1: y(mark), y2: y(mark), class: "transfer-grid" }),
      text(mark, BOX.left - 6, y(mark) + 4, "end")]),
    ...counts.map((count) => text(count, x(count), BOTTOM + 17, "middle")),
    text(word("count"), RIGHT, BOX.height - 5, "end"));
  dots.replaceChildren(...[...METHODS].reverse().map((method) => {
    const line = curves[method].map(([mean], k) =>
      `${k ? "L" : "M"}${x(counts[k]).toFixed(1)} ${y(mean).toFixed(1)}`).join("");
    const bars = curves[method].map(([mean, off], k) => {
      const [at, top, bottom] = [x(counts[k]), y(mean + off), y(mean - off)];
      return `M${at} ${top}V${bottom}M${at - 5} ${top}h10M${at - 5} ${bottom}h10`;
    }).join("");
    return svg("g", { class: `transfer-${method}` },
      svg("path", { d: line, class: "transfer-line" }),
      svg("path", { d: bars, class: "transfer-bar" }),
      ...curves[method].map(([mean], k) => svg("circle", { cx: x(counts[k]), cy: y(mean), r: 4 })));
  }));
}

function drawPlace({ word, get, scale, count }, { here, dots, curves, slider, cells }) {
  const [place, x, shown] = [get("place"), String(scale().x(count())), count()];
  Object.entries({ x1: x, x2: x, y1: BOX.top, y2: BOTTOM }).forEach(([name, value]) =>
    here.setAttribute(name, String(value)));
  for (const { children: [, , ...circles] } of dots.children) {
    circles.forEach((circle, k) => circle.setAttribute("r", k === place ? "6" : "4"));
  }
  METHODS.forEach((method, row) => {
    const [mean, off] = get("curves")[method][place].map((value) => value.toFixed(1));
    kit.write(cells[row][0], mean);
    kit.write(cells[row][1], `± ${off}`);
  });
  slider.input.max = String(get("counts").length - 1);
  slider.set(place);
  kit.write(slider.node.querySelector("output"), shown);
  slider.input.setAttribute("aria-valuetext", shown);
  curves.setAttribute("aria-label", `${word("accuracy")}, ${word("count")}: ${shown}`);
}

function paint({ sheet }, canvas, place) {
  const bytes = sheet();
  kit.paint(canvas, SIDE, SIDE, (i, j) => kit.grey(bytes[(place * SIDE + i) * SIDE + j]));
}

function drawAsked(view, { asked }) {
  const { get, put, name } = view;
  asked.replaceChildren(...get("queries").map(([place], query) => {
    const canvas = kit.element("canvas", { "aria-hidden": "true" });
    paint(view, canvas, place);
    return kit.element("button", {
      type: "button", "aria-label": name(place), title: name(place), onclick: () => put({ query }),
    }, canvas);
  }));
}

function drawNear(view, { asked, rows }) {
  const { element } = kit;
  const { word, get, query, name } = view;
  const [labels, hits, [first, ...near]] = [get("labels"), right(get("labels"), query()), query()];
  [...asked.children].forEach((button, place) => {
    button.setAttribute("aria-pressed", String(place === get("query")));
    button.tabIndex = place === get("query") ? 0 : -1;
  });
  rows.forEach(({ kind, title, pictures }, row) => {
    kit.write(title, `${word(kind)} · ${word("same_class", { right: hits[row] })}`);
    kit.children(pictures, NEIGHBOURS, () => element("figure", {},
      element("canvas", { "aria-hidden": "true" }), element("figcaption"))).forEach((one, k) => {
      const place = near[row * NEIGHBOURS + k];
      const same = labels[place] === labels[first];
      one.className = same ? "transfer-right" : "transfer-wrong";
      paint(view, one.firstChild, place);
      kit.write(one.lastChild, `${same ? "✓" : "✗"} ${name(place)}`);
    });
  });
}

function drawWords({ word, get, count, query, name }, { cells, overall, spoken }) {
  const [by_pixels, by_features] = right(get("labels"), query());
  const values = METHODS.map((method, row) => `${word(method)} ${cells[row][0].textContent}%`);
  kit.write(overall, word("overall", get("same")));
  kit.write(spoken, `${word("here", { count: count(), values: values.join(", ") })} ${
    word("near", { name: name(query()[0]), by_pixels, by_features })}`);
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const parts = makeParts(view);
  listen(view, parts);
  const draw = (part) => () => part(view, parts);
  const clock = kit.clock(view.root, model, [
    [draw(drawCurves), ...CURVES],
    [draw(drawPlace), ...CURVES, "place"],
    [draw(drawAsked), ...PICTURES],
    [draw(drawNear), ...PICTURES, "query"],
    [draw(drawWords), ...CURVES, "place", ...PICTURES, "query", "same"],
  ]);
  return clock.stop;
}

export default { render, right, scales };
