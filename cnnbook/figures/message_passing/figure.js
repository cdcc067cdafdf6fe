// Message passing on a small graph: who speaks to the chosen node and with what weight, and what
// a trained network of two layers makes of the graph as it is now.

const HEARD = ["edges", "layers", "node"]; // what decides who is heard
const NETWORK = ["edges", "weights", "snapshot", "labels"]; // and what the network says
const SHOWN = 7; // speakers in the list; the rest share one line

// D̃^(-1/2) Ã D̃^(-1/2): self-loops added, each edge divided by √(its two degrees).
function normalize(count, edges) {
  const table = kit.tableOf(count, count, (i, j) => Number(i === j));
  for (const [i, j] of edges) table[i][j] = table[j][i] = 1;
  const degree = table.map((row) => row.reduce((sum, value) => sum + value, 0));
  return table.map((row, i) => row.map((value, j) => value / Math.sqrt(degree[i] * degree[j])));
}

function product(one, other) {
  return one.map((row) => other[0].map((_, column) =>
    row.reduce((sum, value, k) => sum + value * other[k][column], 0)));
}

// With what weight node j speaks to node i through so many layers: a power of the matrix.
function heard(matrix, layers) {
  let table = kit.tableOf(matrix.length, matrix.length, (i, j) => Number(i === j));
  for (let k = 0; k < layers; k += 1) table = product(matrix, table);
  return table;
}

// Â · relu(Â · W₁ + b₁) · W₂ + b₂, the features being the identity: (N, 2) from one flat list.
function logits(matrix, flat) {
  const count = matrix.length;
  const hidden = (flat.length - 2) / (count + 3);
  let start = 0;
  const take = (rows, columns) => Array.from({ length: rows }, () => {
    start += columns;
    return flat.slice(start - columns, start);
  });
  const [first, [bias1], second, [bias2]] =
    [take(count, hidden), take(1, hidden), take(hidden, 2), take(1, 2)];
  const inside = product(matrix, first).map((row) => row.map((v, k) => Math.max(0, v + bias1[k])));
  return product(matrix, product(inside, second)).map((row) => row.map((v, k) => v + bias2[k]));
}

// Connect i and j, or cut the edge that is there: a new list, each edge as [smaller, larger].
function toggled(edges, i, j) {
  const edge = [Math.min(i, j), Math.max(i, j)];
  const rest = edges.filter((other) => String(other) !== String(edge));
  return rest.length < edges.length ? rest : [...edges, edge];
}

// ---- what the reader does -----------------------------------------------------------------------

function makeView({ model, el }) {
  const figure = kit.figure(el, model, "message_passing");
  const { get, put } = figure;
  const count = get("places").length;
  const nodes = Array.from({ length: count }, (_, node) => node);
  const matrix = kit.derived(model, ["edges"], () => normalize(count, get("edges")));
  const powers = kit.derived(model, ["edges", "layers"], () => heard(matrix(), get("layers")));
  const row = () => powers()[get("node")]; // with what weight each node is heard
  const trained = get("weights").length > 0;
  const said = kit.derived(model, NETWORK, () =>
    (trained ? logits(matrix(), get("weights")[get("snapshot")]) : null));
  // The share that the network, or the truth, gives to the president's side.
  const share = kit.derived(model, NETWORK, () =>
    said()?.map(([one, other]) => 1 / (1 + Math.exp(one - other))) ?? get("labels"));
  let other = count - 1; // whom the reader may connect with the node
  const friend = () => (other === get("node") ? (other + 1) % count : other);
  const befriend = (node) => { other = node; };
  const toggle = (i, j) => { if (i !== j) put({ edges: toggled(get("edges"), i, j) }); };
  const restore = () => put({ edges: get("original") });
  const path = kit.walk({ // through the epochs
    place: () => [get("snapshot")], shape: () => [get("epochs").length],
    go: ([snapshot]) => put({ snapshot }),
  });
  return {
    ...figure, count, nodes, trained, row, said, share, friend, befriend, toggle, restore, path,
  };
}

function listen({ get, put, count, toggle, restore }, { board, picture }, play) {
  kit.keys(board, {
    play, arrow: (down, right) => put(right ? { node: (get("node") + right + count) % count }
      : { layers: kit.clamp(get("layers") - down, 0, 2) }),
    more: { Home: () => put({ node: 0 }), End: () => put({ node: count - 1 }) },
  });
  const nodeAt = (event) => {
    const found = kit.under(picture, event, "[data-node]");
    return found && Number(found.dataset.node);
  };
  let from = null; // the node on which the pointer went down
  kit.follow(picture, (_, event) => {
    const [node, pressed] = [nodeAt(event), event.type === "pointerdown"];
    if (node !== null && (pressed || from === null)) put({ node });
    if (!pressed) return;
    from = node;
    picture.setPointerCapture(event.pointerId);
  }, { play });
  picture.addEventListener("pointerup", (event) => {
    const node = nodeAt(event);
    if (from !== null && node !== null) toggle(from, node);
    from = null;
  });
  picture.addEventListener("pointercancel", () => { from = null; });
  picture.addEventListener("dblclick", restore);
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts(view, play, change) {
  const { element, svg } = kit;
  const { root, word, get, put, nodes, trained, restore, path } = view;
  const [edgeLayer, nodeLayer, weightLayer, planeLayer] = [0, 1, 2, 3].map(() => svg("g"));
  const drawing = (height, ...layers) =>
    svg("svg", { viewBox: `0 0 400 ${height}`, "aria-hidden": "true" }, ...layers);
  const picture = drawing(270, edgeLayer, nodeLayer, weightLayer);
  const board = element("div", {
    class: "message-board", tabindex: 0, role: "group",
    "aria-label": `${word("graph")}: ${word("move")}`,
  }, picture);
  const [listTitle, planeTitle] = [1, 2].map(() => element("div", { class: "message-title" }));
  const list = element("table", { class: "message-list" });
  const label = (name, attributes) =>
    svg("text", { class: "message-quiet", "text-anchor": "end", ...attributes }, word(name));
  const plane = drawing(240,
    svg("line", { x1: 28, y1: 212, x2: 392, y2: 8, class: "message-border" }),
    svg("path", { d: "M28 8V212H392", class: "message-axis" }),
    label("logit_0", { x: 392, y: 231 }),
    label("logit_1", { transform: "translate(18 8) rotate(-90)" }), planeLayer);
  const layers = kit.slider({
    label: word("layers"), min: 0, max: 2, onInput: (value) => put({ layers: value }),
  });
  const epochs = kit.slider({
    label: word("epoch"), min: 0, max: get("epochs").length - 1,
    onInput: (value) => { play.stop(); path.to([value]); },
  });
  const friend = kit.select({
    label: word("other"), options: nodes.map((node) => [node, node]),
    onInput: (value) => { view.befriend(Number(value)); change(); },
  });
  const connect = kit.button({
    label: word("connect"), onClick: () => view.toggle(get("node"), view.friend()),
  });
  const back = kit.button({ label: word("back"), onClick: restore });
  const [facts, spoken] = [element("div", { class: "message-facts" }), kit.live()];
  const section = (name, ...children) =>
    element("section", { class: `message-${name}` }, ...children);
  const line = (...children) => element("div", { class: "message-row" }, ...children);
  root.classList.toggle("cnnbook-trained", trained);
  root.append(
    section("graph", board), section("heard", listTitle, list),
    section("controls", layers.node, ...(trained ? [line(epochs.node, play.node)] : []),
      line(friend.node, connect, back), facts),
    ...(trained ? [section("plane", planeTitle, plane)] : []),
    section("help", spoken,
      element("div", {}, `${word("help")} ${trained ? word("help_trained") : ""}`)));
  /** @type {Record<string, SVGGElement[]>} */
  const dots = { graph: [], plane: [] }; // made by drawDots
  return {
    board, picture, edgeLayer, nodeLayer, weightLayer, planeLayer, dots, list, listTitle,
    planeTitle, layers, epochs, friend, connect, facts, spoken,
  };
}

// ---- the drawing --------------------------------------------------------------------------------

// One node: a circle or a square with its number; the shape is the truth, the colour the answer.
function dot(get, node, size) {
  const { svg } = kit;
  const square = get("labels")[node];
  const shape = (half, name) => (square
    ? svg("rect", { x: -half, y: -half, width: 2 * half, height: 2 * half, rx: 2, class: name })
    : svg("circle", { r: half, class: name }));
  const rim = get("known").includes(node) ? [shape(size + 3.5, "message-rim")] : [];
  return svg("g", { "data-node": node }, ...rim, shape(square ? size * 0.9 : size, ""),
    svg("text", { y: size * 0.36, "font-size": size, class: "message-number" }, String(node)));
}

function drawDots({ get, nodes }, { dots, nodeLayer }) {
  dots.graph = nodes.map((node) => dot(get, node, 11.5));
  dots.plane = nodes.map((node) => dot(get, node, 8));
  nodeLayer.replaceChildren(...dots.graph);
}

// Where the nodes of one drawing are now, what they answer, and which of them is chosen.
function setDots({ root, get, share }, dots, places) {
  const answers = share();
  const [ground, ...sides] = ["ground", "input", "kernel"].map((name) => kit.colour(root, name));
  dots.forEach((group, node) => {
    const [answer, body] = [answers[node], group.lastChild.previousSibling];
    group.setAttribute("transform", `translate(${places[node].join(" ")})`);
    body.setAttribute("class", node === get("node") ? "message-chosen" : "message-dot");
    body.style.fill = kit.css(kit.mix(ground, sides[Number(answer > 0.5)],
      0.55 + 0.9 * Math.abs(answer - 0.5)));
  });
}

const inPicture = (places) => places.map(([x, y]) => [20 + 3.6 * x, 250 - 3.6 * y]);

function drawEdges({ get, row }, { edgeLayer }) {
  const [me, at, edges, weights] = [get("node"), inPicture(get("places")), get("edges"), row()];
  const before = get("original").map(String);
  kit.children(edgeLayer, edges.length, () => kit.svg("line")).forEach((line, place) => {
    const [i, j] = edges[place];
    const speaks = (i === me || j === me) && get("layers") > 0;
    const isNew = !before.includes(`${i},${j}`);
    Object.entries({
      x1: at[i][0], y1: at[i][1], x2: at[j][0], y2: at[j][1],
      class: `message-edge${speaks ? " message-speaks" : ""}${isNew ? " message-new" : ""}`,
      style: speaks ? `stroke-width: ${1.5 + 12 * weights[i === me ? j : i]}` : "",
    }).forEach(([name, value]) => line.setAttribute(name, value));
  });
}

function drawNodes(view, { dots, weightLayer }) {
  const { get, nodes, row } = view;
  const [at, weights] = [inPicture(get("places")), row()];
  setDots(view, dots.graph, at);
  dots.graph.forEach((group, node) => group.setAttribute("class",
    weights[node] === 0 && node !== get("node") ? "message-silent" : ""));
  weightLayer.replaceChildren(...nodes.filter((node) => weights[node]).map((node) =>
    kit.svg("text", { x: at[node][0], y: at[node][1] - 13, class: "message-weight" },
      weights[node].toFixed(2))));
}

function drawList({ word, get, nodes, row }, { list, listTitle }) {
  const { element } = kit;
  const [me, weights] = [get("node"), row()];
  const speakers = nodes.filter((node) => weights[node] > 0)
    .sort((a, b) => weights[b] - weights[a] || a - b);
  const rest = speakers.slice(SHOWN);
  const lines = speakers.slice(0, SHOWN).map((node) =>
    [word(node === me ? "itself" : "speaker", { node }), weights[node]]);
  if (rest.length) lines.push([word("others", { count: rest.length }),
    rest.reduce((total, node) => total + weights[node], 0)]);
  kit.children(list, lines.length, () => element("tr", {}, element("th", { scope: "row" }),
    element("td"), element("td", {}, element("span", { class: "message-bar" }))),
  ).forEach((line, place) => {
    const [[name, value], bar] = [line.children, line.querySelector("span")];
    const [text, weight] = lines[place];
    kit.write(name, text);
    kit.write(value, weight.toFixed(3));
    bar.style.setProperty("--share", `${Math.min(100, (100 * weight) / lines[0][1])}%`);
  });
  kit.write(listTitle, word("hears", { node: me, layers: get("layers") }));
}

function drawPlane(view, { dots, planeLayer, planeTitle, epochs }) {
  const { word, get, said, trained } = view;
  if (!trained) return;
  const flat = said().flat();
  const [low, high] = [Math.min(...flat) - 0.3, Math.max(...flat) + 0.3];
  const along = (value) => (value - low) / (high - low);
  const [me, epoch] = [get("node"), get("epochs")[get("snapshot")]];
  setDots(view, dots.plane, said().map(([x, y]) => [28 + 364 * along(x), 212 - 204 * along(y)]));
  planeLayer.replaceChildren(...dots.plane.filter((_, node) => node !== me), dots.plane[me]);
  kit.write(planeTitle, word("decision", { epoch }));
  epochs.set(get("snapshot"));
  kit.write(epochs.node.querySelector("output"), epoch);
  epochs.input.setAttribute("aria-valuetext", epoch);
}

function drawControls({ word, get, friend }, parts) {
  const [node, other, edges] = [get("node"), friend(), get("edges")];
  const there = toggled(edges, node, other).length < edges.length;
  const action = word(there ? "disconnect" : "connect");
  parts.layers.set(get("layers"));
  parts.friend.set(other);
  kit.write(parts.connect, action);
  parts.connect.setAttribute("aria-label", `${action}: ${word("change", { node, other })}`);
}

function drawWords({ word, get, nodes, trained, share }, { facts, spoken }, play) {
  const [node, labels] = [get("node"), get("labels")];
  const [before, now] = ["original", "edges"].map((name) => get(name).map(String));
  const changed = before.filter((edge) => !now.includes(edge)).length
    + now.filter((edge) => !before.includes(edge)).length;
  const answers = share().map((p) => Number(p > 0.5));
  const asked = nodes.filter((one) => !get("known").includes(one));
  const right = asked.filter((one) => answers[one] === labels[one]).length;
  kit.write(facts, [word("edges", { count: now.length, changed }),
    ...(trained ? [word("right", { right, count: asked.length })] : [])].join(" · "));
  const party = (label) => word(`party_${label}`);
  spoken.setAttribute("aria-live", play?.playing() ? "off" : "polite");
  kit.write(spoken, word(trained ? "answer" : "truth", {
    node, party: party(answers[node]), truth: party(labels[node]),
    percent: Math.round(100 * Math.abs(1 - answers[node] - share()[node])),
  }));
}

function render({ model, el }) {
  const view = makeView({ model, el });
  const { word, path } = view;
  const play = view.trained ? kit.player({
    word, path, pause: () => 300, onChange: () => clock.mark("playing"),
  }) : undefined;
  const parts = makeParts(view, play, () => clock.mark("friend"));
  listen(view, parts, play);
  const draw = (part) => () => part(view, parts, play);
  const clock = kit.clock(view.root, model, [
    [draw(drawDots), "labels", "known"],
    [draw(drawEdges), ...HEARD, "places", "original"],
    [draw(drawNodes), "theme", ...HEARD, ...NETWORK, "places", "known"],
    [draw(drawList), ...HEARD],
    [draw(drawPlane), "theme", ...NETWORK, "node", "epochs", "known"],
    [draw(drawControls), ...HEARD, "friend"],
    [draw(drawWords), ...NETWORK, "node", "known", "original", "playing"],
  ]);
  return () => { play?.stop(); clock.stop(); };
}

export default { render, normalize, heard, logits, toggled };
