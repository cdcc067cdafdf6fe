// uses kit/network.js
// Why did the network answer so? The reader covers a part of the picture, looks through the feature
// maps, or lays an explanation over the picture; the network and its gradients are computed here.

const { SHAPES, SIDE, backward, bytes, decode, forward, layers, normalise, run } = smallNetwork;
const VIEWS = ["patch", "maps", "saliency", "gradient_input", "integrated", "grad_cam",
  "occlusion"];
const STEPS = 32; // of integrated gradients
const COVERS = { black: 0, grey: 73, white: 255 }; // 73: the mean pixel of the training pictures
const BLACK = normalise(0);
const PICTURE = [SIDE, SIDE];

// ---- the methods --------------------------------------------------------------------------------

// Every place of the picture under a square of `size` cells, its first cell at (top, left).
function placesUnder([top, left], size) {
  const inside = (start) => Array.from({ length: size }, (_, step) => start + step)
    .filter((p) => p >= 0 && p < SIDE);
  return inside(top).flatMap((row) => inside(left).map((column) => row * SIDE + column));
}

// A copy of the picture with that square covered.
function covered(pixels, corner, size, cover) {
  const copy = pixels.slice();
  placesUnder(corner, size).forEach((place) => { copy[place] = cover; });
  return copy;
}

// How far the logit fell under the windows that lay over each pixel: the sum, and how many.
const noFalls = () => (
  { total: new Float32Array(SIDE * SIDE), count: new Float32Array(SIDE * SIDE), done: 0 });
function addFall({ total, count }, corner, size, fall) {
  placesUnder(corner, size).forEach((place) => { total[place] += fall; count[place] += 1; });
}
const meanFall = ({ total, count }) =>
  total.map((sum, place) => (count[place] ? sum / count[place] : 0));

// Windows over the whole picture in steps of two cells, filled into `falls`; it may be left between
// any two layers of the network, and `falls.done` is the share of the windows computed so far.
function* occlude(network, pixels, { target, size, cover }, falls) {
  const stride = Math.min(2, size);
  const count = Math.ceil((SIDE - size) / stride) + 1; // the last one may reach over the rim
  const before = forward(network, pixels).logits[target];
  for (let k = 0; k < count * count; k += 1) {
    const corner = [stride * Math.floor(k / count), stride * (k % count)];
    const input = Float32Array.from(covered(pixels, corner, size, COVERS[cover]), normalise);
    const { logits } = yield* layers(network, input);
    addFall(falls, corner, size, before - logits[target]);
    falls.done = (k + 1) / count ** 2;
  }
}

// The gradient in the middle of each of STEPS pieces of the way from black, times the way.
function integrated(network, input, target) {
  const total = new Float32Array(input.length);
  for (let step = 0; step < STEPS; step += 1) {
    const point = input.map((value) => BLACK + ((step + 0.5) / STEPS) * (value - BLACK));
    const slopes = backward(network, run(network, point), target).input;
    slopes.forEach((slope, k) => { total[k] += slope; });
  }
  return total.map((sum, place) => (sum / STEPS) * (input[place] - BLACK));
}

// Each map times its mean gradient, added up; and these weights of the maps.
function gradCam(values, gradients, layer) {
  const [channels, rows, columns] = SHAPES[layer];
  const cells = rows * columns;
  const weights = Array.from({ length: channels }, (_, channel) =>
    gradients[layer].subarray(channel * cells, (channel + 1) * cells).reduce((a, b) => a + b)
      / cells);
  const map = Float32Array.from({ length: cells }, (_, place) => weights.reduce(
    (sum, weight, channel) => sum + weight * values[layer][channel * cells + place], 0));
  return { map, weights };
}

// What is shown of a picture: { map, side, weights }; null where the reader makes the map.
function attribute(network, pixels, choices) {
  const { view, target, layer, channel } = choices;
  const values = forward(network, pixels);
  const whole = (map) => ({ map, side: SIDE });
  if (view === "patch") return null;
  if (view === "occlusion") {
    const falls = noFalls();
    Array.from(occlude(network, pixels, choices, falls));
    return whole(meanFall(falls));
  }
  if (view === "integrated") return whole(integrated(network, values.input, target));
  const side = SHAPES[layer][1];
  if (view === "maps") {
    return { map: values[layer].slice(channel * side * side, (channel + 1) * side * side), side };
  }
  const gradients = backward(network, values, target);
  if (view === "grad_cam") return { ...gradCam(values, gradients, layer), side };
  if (view === "saliency") return whole(gradients.input.map(Math.abs));
  return whole(gradients.input.map((slope, k) => slope * (values.input[k] - BLACK)));
}

// ---- what the reader does -----------------------------------------------------------------------

const WINDOWS = ["weights", "picture", "view", "target", "size", "cover"];
const CHOICE = [...WINDOWS, "layer", "channel"]; // what a map is made of

function makeView({ model, el }, mark) {
  const figure = kit.figure(el, model, "explanation_explorer");
  const { get, put } = figure;
  const follows = (names, compute) => kit.derived(model, names, compute);
  const network = follows(["weights"], () => decode(get("weights")));
  const pixels = follows(["picture"], () => bytes(get("picture")));
  const plain = follows(["weights", "picture"], () => forward(network(), pixels()));
  const black = follows(["weights"], () => forward(network(), new Uint8Array(SIDE * SIDE)));
  const isPatch = () => get("view") === "patch";
  const hasMaps = () => ["maps", "grad_cam"].includes(get("view"));
  const layer = () => (hasMaps() ? get("layer") : "conv1");
  const channel = () => Math.min(get("channel"), SHAPES[layer()][0] - 1);
  const choices = () => ({
    view: get("view"), target: get("target"), size: get("size"), cover: get("cover"),
    layer: layer(), channel: channel(),
  });
  const position = () => kit.inside(get("position"), PICTURE);
  const corner = () => position().map((p) => p - Math.floor(get("size") / 2));
  const seen = follows([...WINDOWS, "position"], () =>
    (isPatch() ? covered(pixels(), corner(), get("size"), COVERS[get("cover")]) : pixels()));
  const values = follows([...WINDOWS, "position"], () =>
    (isPatch() ? forward(network(), seen()) : plain()));
  // The reader's own windows, or those that are computed one after another.
  const falls = follows(WINDOWS, noFalls);
  const hasFalls = () => isPatch() || get("view") === "occlusion";
  const computed = follows(CHOICE, () => attribute(network(), pixels(), choices()));
  const shown = () => (hasFalls() ? { map: meanFall(falls()), side: SIDE } : computed());
  const path = kit.walk({
    place: position, shape: () => PICTURE, go: (place) => put({ position: place }),
  });
  return {
    ...figure, mark, network, pixels, plain, black, isPatch, hasMaps, hasFalls, layer, channel,
    choices, position, corner, seen, values, falls, shown, path,
    busy: () => get("view") === "occlusion" && falls().done < 1,
    hand: { down: false }, // of a reader who draws over a board
  };
}

function listen({ path, hand, mark }, { boards }) {
  const rest = () => { hand.down = false; mark("hand"); };
  for (const { paper } of boards) {
    kit.follow(paper, (shares, event) => {
      hand.down ||= event.type === "pointerdown";
      if (hand.down) path.to(shares.map((share) => Math.floor(share * SIDE)));
    }, { hover: false, rest });
    kit.keys(paper, {
      path, more: { Escape: rest },
      arrow(down, right, { shiftKey }) {
        const far = shiftKey ? 4 : 1;
        path.by(far * down, far * right);
      },
    });
  }
}

// The windows that have to be computed: from the start, when something else is asked.
function work({ network, pixels, choices, falls, busy }, slices) {
  if (busy()) slices.start(occlude(network(), pixels(), choices(), falls()));
  else slices.stop();
}

// The patch leaves its fall where it lies.
function collect({ get, isPatch, plain, values, falls, corner }) {
  if (!isPatch()) return;
  const target = get("target");
  addFall(falls(), corner(), get("size"), plain().logits[target] - values().logits[target]);
}

// ---- the parts ----------------------------------------------------------------------------------

function makeParts(view) {
  const { element } = kit;
  const { root, word, get, put } = view;
  const { choices, size, again } = makeControls(view);
  const board = (label, ...layers) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const frame = element("div", { class: "xai-frame" });
    const paper = element("div",
      { class: "xai-paper", tabindex: 0, role: "group", "aria-label": label },
      canvas, frame, ...layers);
    const caption = element("div", { class: "xai-caption" });
    const node = element("section", { class: "xai-part" }, caption, paper);
    return { canvas, frame, paper, caption, node };
  };
  const progress = element("div", { class: "xai-progress", role: "progressbar",
    "aria-label": word("working"), "aria-valuemin": 0, "aria-valuemax": 100 });
  const boards = [board(word("board")), board(word("map_board"), progress)];
  const bars = get("classes").map((name, k) => element("button", {
    type: "button", class: "xai-bar", onclick: () => put({ target: k }),
  }, element("span", {}, name), " ", element("span", { class: "xai-quiet" }), " ", element("b")));
  const answer = element("div", { class: "xai-answer" });
  const strip = element("div",
    { class: "xai-strip", role: "group", "aria-label": word("maps_of") });
  const [spoken, about] = [kit.live(), element("div", { class: "xai-quiet" })];
  root.append(
    element("div", { class: "xai-tools" }, choices.picture.node, choices.view.node,
      choices.layer.node, size.node, choices.cover.node, again),
    element("div", { class: "xai-main" }, boards[0].node, boards[1].node,
      element("section", { class: "xai-part" },
        element("div", { class: "xai-caption" }, word("bars")),
        element("div", { class: "xai-bars", role: "group", "aria-label": word("choose") }, ...bars),
        answer)),
    spoken, about, strip);
  return { choices, size, again, boards, progress, bars, answer, strip, spoken, about };
}

function makeControls({ word, get, put, falls, mark }) {
  const [classes, pictures, labels] = ["classes", "pictures", "labels"].map(get);
  const list = (name, options, onInput = (value) => put({ [name]: value })) =>
    kit.select({ label: word(name), options, onInput });
  const named = (names) => names.map((name) => [name, word(name)]);
  const known = pictures.map((_, k) => [k, `${k + 1}: ${classes[labels[k]]}`]);
  const choices = {
    picture: list("picture", [["", word("own")], ...known],
      (k) => put({ label: labels[k], picture: pictures[k] })),
    view: list("view", named(VIEWS)),
    layer: list("layer", named(Object.keys(SHAPES).slice(1, 5))),
    cover: list("cover", named(Object.keys(COVERS))),
  };
  const size = kit.slider({
    label: word("size"), min: 1, max: 14, onInput: (value) => put({ size: value }),
  });
  const again = kit.button({
    label: word("again"),
    onClick: () => { Object.assign(falls(), noFalls()); mark("falls"); },
  });
  return { choices, size, again };
}

// ---- the drawing --------------------------------------------------------------------------------

const signed = (number) => (number < 0 || kit.digits(number) === "0.00" ? "" : "+")
  + kit.digits(number);

function drawControls({ get, isPatch, hasMaps, hasFalls }, { choices, size, again, strip }) {
  const known = get("pictures").indexOf(get("picture"));
  choices.picture.set(known < 0 ? "" : known);
  ["view", "layer", "cover"].forEach((name) => choices[name].set(get(name)));
  size.set(get("size"));
  strip.hidden = choices.layer.node.hidden = !hasMaps();
  choices.cover.node.hidden = size.node.hidden = !hasFalls();
  again.hidden = !isPatch();
}

// The picture, under the patch or under the map; and the map by itself.
function drawBoards({ root, word, get, isPatch, seen, shown }, { boards: [picture, board] }) {
  const { map, side } = shown();
  const most = kit.largest(map);
  const shade = kit.diverging(root);
  const [below, above] = ["below", "above"].map((name) => kit.colour(root, name));
  const inMap = (p) => Math.floor((p * side) / SIDE);
  kit.paint(picture.canvas, SIDE, SIDE, (row, column) => {
    const grey = kit.grey(seen()[row * SIDE + column]);
    if (isPatch()) return grey;
    const value = map[inMap(row) * side + inMap(column)];
    return kit.mix(grey, value < 0 ? below : above, (0.85 * Math.abs(value)) / most);
  });
  kit.paint(board.canvas, side, side, (row, column) => shade(map[row * side + column] / most));
  kit.write(picture.caption, word(isPatch() ? "covered" : "laid_over"));
  kit.write(board.caption, `${word(isPatch() ? "trace" : get("view"))} · ${side} × ${side}`);
}

function drawProgress({ falls, busy }, { progress, boards: [, { paper }] }) {
  progress.hidden = !busy();
  paper.setAttribute("aria-busy", String(busy()));
  progress.setAttribute("aria-valuenow", String(Math.round(100 * falls().done)));
  progress.style.setProperty("--share", falls().done);
}

function drawFrames({ get, isPatch, position, corner }, { boards }) {
  const [start, size] = isPatch() ? [corner(), get("size")] : [position(), 1];
  const first = kit.inside(start, PICTURE);
  const end = kit.inside(start.map((p) => p + size - 1), PICTURE);
  boards.forEach(({ frame }) =>
    kit.lay(frame, PICTURE, first, end.map((p, axis) => p + 1 - first[axis])));
}

function drawBars({ word, get, isPatch, plain, values }, { bars, answer }) {
  const { logits, softmax } = values();
  const best = logits.indexOf(Math.max(...logits));
  const [classes, label] = [get("classes"), get("label")];
  bars.forEach((bar, k) => {
    const change = isPatch() ? ` (${signed(logits[k] - plain().logits[k])})` : "";
    kit.write(bar.children[1], kit.digits(logits[k]) + change);
    kit.write(bar.children[2], kit.percent(softmax[k]));
    bar.style.setProperty("--share", softmax[k]);
    bar.classList.toggle("xai-best", k === best);
    bar.setAttribute("aria-pressed", String(k === get("target")));
  });
  kit.write(answer, word("answer", { name: classes[best], share: kit.percent(softmax[best]) })
    + (label === null ? "" : ` ${word(label === best ? "right" : "wrong",
      { name: classes[label] })}`));
}

// The value under the frame, and about the map; while windows are computed, no number is known.
function drawWords(view, { spoken, about }) {
  const { word, get, isPatch, plain, black, values, shown, position, hand, busy } = view;
  const target = get("target");
  const name = get("classes")[target];
  const { map, side } = shown();
  const known = (number, text = kit.digits) => (busy() ? "…" : text(number));
  const [row, column] = position();
  const [i, j] = position().map((p) => Math.floor((p * side) / SIDE));
  const place = { row: row + 1, column: column + 1 };
  const before = plain().logits[target];
  spoken.setAttribute("aria-live", hand.down || busy() ? "off" : "polite");
  kit.write(spoken, isPatch()
    ? word("heard_patch", { ...place, name, before: kit.digits(before),
      after: kit.digits(values().logits[target]) })
    : word("heard", { ...place, value: known(map[i * side + j], signed) }));
  kit.write(about, word(`about_${get("view")}`, {
    name, most: known(kit.largest(map)), sum: kit.digits(map.reduce((a, b) => a + b, 0)),
    change: kit.digits(before - black().logits[target]),
  }));
}

function drawStrip({ root, word, put, hasMaps, layer, channel, plain, shown }, { strip }) {
  if (!hasMaps()) return;
  const { element } = kit;
  const [channels, side] = SHAPES[layer()];
  const values = plain()[layer()];
  const { weights } = shown();
  const most = kit.largest(values);
  const shade = kit.diverging(root);
  const make = () => {
    const own = strip.children.length;
    return element("button", {
      type: "button", class: "xai-map", onclick: () => put({ view: "maps", channel: own }),
    }, element("canvas", { "aria-hidden": "true" }), element("span"));
  };
  kit.children(strip, channels, make).forEach((button, k) => {
    const canvas = /** @type {HTMLCanvasElement} */ (button.firstChild);
    kit.paint(canvas, side, side, (row, column) =>
      shade(values[(k * side + row) * side + column] / most));
    const weight = weights && kit.digits(weights[k], 3);
    kit.write(button.lastChild, weight || k + 1);
    button.setAttribute("aria-pressed", String(!weights && k === channel()));
    button.setAttribute("aria-label",
      word("map", { number: k + 1 }) + (weight ? `, α ${weight}` : ""));
  });
}

function render({ model, el }) {
  const view = makeView({ model, el }, (...names) => clock.mark(...names));
  const parts = makeParts(view);
  const slices = kit.slices(() => clock.mark("falls"));
  listen(view, parts);
  const draw = (part) => () => part(view, parts);
  const clock = kit.clock(view.root, model, [
    [() => work(view, slices), ...WINDOWS],
    [() => collect(view), ...WINDOWS, "position", "falls"],
    [draw(drawControls), ...CHOICE],
    [draw(drawBoards), "theme", ...CHOICE, "position", "falls"],
    [draw(drawProgress), ...WINDOWS, "falls"],
    [draw(drawFrames), "view", "size", "position"],
    [draw(drawBars), ...WINDOWS, "position", "label"],
    [draw(drawWords), ...CHOICE, "position", "falls", "hand"],
    [draw(drawStrip), "theme", "weights", "picture", "view", "target", "layer", "channel"],
  ]);
  return () => { slices.stop(); clock.stop(); };
}

export default { render, attribute, backward, decode };
