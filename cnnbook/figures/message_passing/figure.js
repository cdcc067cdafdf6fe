// Message passing on a small graph: who speaks to the chosen node and with what weight, and what
// a trained network of two layers makes of the graph as it is now.

const TRAITS = ["places", "labels", "known", "original", "edges", "epochs", "weights", "snapshot",
  "node", "layers"];
const SHOWN = 7; // speakers in the list; the rest share one line

// D̃^(-1/2) Ã D̃^(-1/2): self-loops added, each edge divided by √(its two degrees).
function normalize(count, edges) {
  const table = Array.from({ length: count }, (_, i) =>
    Array.from({ length: count }, (__, j) => Number(i === j)));
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
  let table = matrix.map((row, i) => row.map((_, j) => Number(i === j)));
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

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "message_passing");
  const { element, svg } = kit;
  const get = (name) => model.get(name);
  const count = get("places").length;
  const trained = get("weights").length > 0;
  const nodes = Array.from({ length: count }, (_, node) => node);
  let other = count - 1;
  let playing = null;

  // ---- the parts ------------------------------------------------------------------------------
  const edgeLayer = svg("g");
  const nodeLayer = svg("g");
  const weightLayer = svg("g");
  const picture = svg("svg", { viewBox: "0 0 400 270", "aria-hidden": "true" },
    edgeLayer, nodeLayer, weightLayer);
  const board = element("div", { class: "message-board", tabindex: 0, role: "group" }, picture);
  const listTitle = element("div", { class: "message-title" });
  const list = element("table", { class: "message-list" });
  const planeTitle = element("div", { class: "message-title" });
  const plane = svg("svg", { viewBox: "0 0 400 240", "aria-hidden": "true" });
  const layers = kit.slider({ label: word("layers"), min: 0, max: 2, onInput: (value) => update({ layers: value }) });
  const epochs = kit.slider({
    label: word("epoch"), min: 0, max: get("epochs").length - 1, onInput: (value) => { stop(); update({ snapshot: value }); },
  });
  const play = kit.button({ label: word("play"), onClick: () => (playing ? stop() : start()) });
  const friend = kit.select({
    label: word("other"), options: nodes.map((node) => [node, node]), onInput: (value) => { other = Number(value); draw(); },
  });
  const change = kit.button({ label: word("connect"), onClick: () => toggle(get("node"), other) });
  const back = kit.button({ label: word("back"), onClick: () => update({ edges: get("original") }) });
  const facts = element("div", { class: "message-facts" });
  const spoken = kit.live();
  root.classList.toggle("cnnbook-trained", trained);
  root.append(
    element("section", { class: "message-graph" }, board),
    element("section", { class: "message-heard" }, listTitle, list),
    element("section", { class: "message-controls" }, layers.node,
      ...(trained ? [element("div", { class: "message-row" }, epochs.node, play)] : []),
      element("div", { class: "message-row" }, friend.node, change, back), facts),
    ...(trained ? [element("section", { class: "message-plane" }, planeTitle, plane)] : []),
    element("section", { class: "message-help" }, spoken,
      element("div", {}, `${word("help")} ${trained ? word("help_trained") : ""}`)));

  // ---- what the reader does -------------------------------------------------------------------
  function update(changes) {
    Object.entries(changes).forEach(([name, value]) => model.set(name, value));
    model.save_changes();
  }
  function choose(node) {
    if (node !== get("node")) update({ node });
  }
  function toggle(i, j) {
    if (i !== j) update({ edges: toggled(get("edges"), i, j) });
  }
  function start() {
    const last = get("epochs").length - 1;
    const from = get("snapshot") >= last ? 0 : get("snapshot") + 1;
    update({ snapshot: from });
    if (kit.reducedMotion()) return;
    play.textContent = word("pause");
    playing = setInterval(() => {
      if (get("snapshot") >= last) stop();
      else update({ snapshot: get("snapshot") + 1 });
    }, 300);
  }
  function stop() {
    clearInterval(playing);
    playing = null;
    play.textContent = word("play");
  }
  board.addEventListener("keydown", (event) => {
    const [down, right] = kit.ARROWS[event.key] || [0, 0];
    if (right) choose((get("node") + right + count) % count);
    else if (down) update({ layers: Math.max(0, Math.min(2, get("layers") - down)) });
    else return;
    event.preventDefault();
  });
  const nodeAt = (event) => {
    const found = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-node]");
    return found && picture.contains(found) ? Number(found.dataset.node) : null;
  };
  let drag = null; // the node on which the pointer went down
  picture.addEventListener("pointermove", (event) => {
    const node = nodeAt(event);
    if (drag === null && event.pointerType === "mouse" && node !== null) choose(node);
  });
  picture.addEventListener("pointerdown", (event) => {
    drag = nodeAt(event);
    if (drag !== null) choose(drag);
  });
  const release = (event) => {
    const node = event.type === "pointerup" ? nodeAt(event) : null;
    if (drag !== null && node !== null) toggle(drag, node);
    drag = null;
  };
  window.addEventListener("pointerup", release);
  window.addEventListener("pointercancel", release);

  // ---- the drawing ----------------------------------------------------------------------------
  const weight = (value) => value.toFixed(3);
  const name = (node, me) => word(node === me ? "itself" : "speaker", { node });
  const party = (label) => word(`party_${label}`);

  // One node: a circle or a square with its number; the shape is the truth, the colour the answer.
  function dot(node, [x, y], size, colour, chosen) {
    const square = get("labels")[node];
    const shape = (half, classes) => (square
      ? svg("rect", { x: x - half, y: y - half, width: 2 * half, height: 2 * half, rx: 2, class: classes })
      : svg("circle", { cx: x, cy: y, r: half, class: classes }));
    const body = shape(square ? size * 0.9 : size, chosen ? "message-chosen" : "message-dot");
    body.style.fill = colour;
    const rim = get("known").includes(node) ? [shape(size + 3.5, "message-rim")] : [];
    return svg("g", { "data-node": node }, ...rim, body,
      svg("text", { x, y: y + size * 0.36, "font-size": size, class: "message-number" }, String(node)));
  }

  function drawGraph(row, colours) {
    const [me, steps] = [get("node"), get("layers")];
    const at = get("places").map(([x, y]) => [20 + 3.6 * x, 250 - 3.6 * y]);
    const before = get("original").map(String);
    edgeLayer.replaceChildren(...get("edges").map(([i, j]) => {
      const speaks = (i === me || j === me) && steps > 0;
      const line = svg("line", { x1: at[i][0], y1: at[i][1], x2: at[j][0], y2: at[j][1],
        class: `message-edge${speaks ? " message-speaks" : ""}${before.includes(`${i},${j}`) ? "" : " message-new"}` });
      if (speaks) line.style.strokeWidth = 1.5 + 12 * row[i === me ? j : i];
      return line;
    }));
    nodeLayer.replaceChildren(...nodes.map((node) => {
      const group = dot(node, at[node], 11.5, colours[node], node === me);
      group.classList.toggle("message-silent", row[node] === 0 && node !== me);
      return group;
    }));
    weightLayer.replaceChildren(...nodes.filter((node) => row[node]).map((node) =>
      svg("text", { x: at[node][0], y: at[node][1] - 13, class: "message-weight" }, row[node].toFixed(2))));
    board.setAttribute("aria-label", `${word("graph")}: ${word("move")}`);
  }

  function drawList(row) {
    const me = get("node");
    const speakers = nodes.filter((node) => row[node] > 0).sort((a, b) => row[b] - row[a] || a - b);
    const most = row[speakers[0]];
    const line = (label, value) => {
      const bar = element("span", { class: "message-bar" });
      bar.style.setProperty("--share", `${Math.min(100, (100 * value) / most)}%`);
      return element("tr", {}, element("th", { scope: "row" }, label),
        element("td", {}, weight(value)), element("td", {}, bar));
    };
    const rest = speakers.slice(SHOWN);
    const sum = rest.reduce((total, node) => total + row[node], 0);
    list.replaceChildren(...speakers.slice(0, SHOWN).map((node) => line(name(node, me), row[node])),
      ...(rest.length ? [line(word("others", { count: rest.length }), sum)] : []));
    listTitle.textContent = word("hears", { node: me, layers: get("layers") });
  }

  function drawPlane(said, colours) {
    const flat = said.flat();
    const [low, high] = [Math.min(...flat) - 0.3, Math.max(...flat) + 0.3];
    const x = (value) => 28 + (364 * (value - low)) / (high - low);
    const y = (value) => 212 - (204 * (value - low)) / (high - low);
    const label = (text, attributes) => svg("text", { class: "message-quiet", ...attributes }, text);
    plane.replaceChildren(
      svg("line", { x1: x(low), y1: y(low), x2: x(high), y2: y(high), class: "message-border" }),
      svg("path", { d: `M${x(low)} 8V212H392`, class: "message-axis" }),
      label(word("logit_0"), { x: 392, y: 231, "text-anchor": "end" }),
      label(word("logit_1"), { transform: "translate(18 8) rotate(-90)", "text-anchor": "end" }),
      ...[...nodes].sort((a, b) => (a === get("node")) - (b === get("node"))).map((node) =>
        dot(node, [x(said[node][0]), y(said[node][1])], 8, colours[node], node === get("node"))));
    planeTitle.textContent = word("decision", { epoch: get("epochs")[get("snapshot")] });
  }

  function draw() {
    const [me, labels, edges] = [get("node"), get("labels"), get("edges")];
    const matrix = normalize(count, edges);
    const row = heard(matrix, get("layers"))[me];
    const said = trained ? logits(matrix, get("weights")[get("snapshot")]) : null;
    const [ground, ...sides] = ["ground", "input", "kernel"].map((colour) => kit.colour(root, colour));
    // the share that the network gives to the president's side
    const share = nodes.map((node) => (said ? 1 / (1 + Math.exp(said[node][0] - said[node][1])) : labels[node]));
    const colours = share.map((p) => kit.css(kit.mix(ground, sides[Number(p > 0.5)],
      0.55 + 0.9 * Math.abs(p - 0.5))));
    drawGraph(row, colours);
    drawList(row);
    if (trained) drawPlane(said, colours);
    layers.set(get("layers"));
    if (trained) {
      epochs.set(get("snapshot"));
      epochs.node.querySelector("output").textContent = get("epochs")[get("snapshot")];
      epochs.input.setAttribute("aria-valuetext", get("epochs")[get("snapshot")]);
    }
    if (other === me) other = (me + 1) % count;
    friend.set(other);
    const there = toggled(edges, me, other).length < edges.length;
    change.textContent = word(there ? "disconnect" : "connect");
    change.setAttribute("aria-label", `${change.textContent}: ${word("change", { node: me, other })}`);
    const before = get("original").map(String);
    const now = edges.map(String);
    const changed = before.filter((edge) => !now.includes(edge)).length
      + now.filter((edge) => !before.includes(edge)).length;
    const asked = nodes.filter((node) => !get("known").includes(node));
    const right = asked.filter((node) => Number(share[node] > 0.5) === labels[node]).length;
    facts.textContent = [word("edges", { count: edges.length, changed }),
      ...(said ? [word("right", { right, count: asked.length })] : [])].join(" · ");
    const answer = Number(share[me] > 0.5);
    spoken.textContent = word(said ? "answer" : "truth", {
      node: me, party: party(answer), truth: party(labels[me]),
      percent: Math.round(100 * Math.abs(1 - answer - share[me])),
    });
  }
  const redraw = kit.oncePerFrame(draw);
  const undo = [kit.followTheme(root, redraw), kit.onChange(model, TRAITS, redraw)];
  draw();
  return () => {
    stop();
    window.removeEventListener("pointerup", release);
    window.removeEventListener("pointercancel", release);
    undo.forEach((stopListening) => stopListening());
  };
}

export default { render, normalize, heard, logits, toggled };
