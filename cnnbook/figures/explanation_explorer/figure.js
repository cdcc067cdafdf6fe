// uses kit/network.js
// Why did the network answer so? The reader covers a part of the picture, looks through the feature
// maps, or lays an explanation over the picture; the network and its gradients are computed here.

const {
  SHAPES, SIDE, backward, bytes, decode, forward, normalise, painter, run,
} = smallNetwork;
const VIEWS = ["patch", "maps", "saliency", "gradient_input", "integrated", "grad_cam", "occlusion"];
const STEPS = 32; // of integrated gradients
const COVERS = { black: 0, grey: 73, white: 255 }; // 73: the mean pixel of the training pictures
const BLACK = normalise(0);
const clamp = (value, least, most) => Math.max(least, Math.min(value, most));
const largest = (numbers) => numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);

// ---- the methods ----------------------------------------------------------------------------

// A copy of the picture with a square of `size` cells covered, its first cell at (top, left).
function covered(pixels, [top, left], size, cover) {
  const copy = pixels.slice();
  for (let row = Math.max(0, top); row < Math.min(SIDE, top + size); row += 1) {
    for (let column = Math.max(0, left); column < Math.min(SIDE, left + size); column += 1) {
      copy[row * SIDE + column] = cover;
    }
  }
  return copy;
}

// The mean fall of the logit over all windows that cover a pixel; the windows move by `stride`.
function occlusion(network, pixels, target, size, stride, cover) {
  const before = forward(network, pixels).logits[target];
  const [total, count] = [new Float32Array(SIDE * SIDE), new Float32Array(SIDE * SIDE)];
  for (let top = 0; top < SIDE - size + stride; top += stride) {
    for (let left = 0; left < SIDE - size + stride; left += stride) {
      const fall = before - forward(network, covered(pixels, [top, left], size, cover)).logits[target];
      for (let row = top; row < Math.min(SIDE, top + size); row += 1) {
        for (let column = left; column < Math.min(SIDE, left + size); column += 1) {
          total[row * SIDE + column] += fall;
          count[row * SIDE + column] += 1;
        }
      }
    }
  }
  return total.map((sum, place) => sum / count[place]);
}

// The gradient in the middle of each of STEPS pieces of the way from black, times the way.
function integrated(network, input, target) {
  const total = new Float32Array(input.length);
  for (let step = 0; step < STEPS; step += 1) {
    const point = input.map((value) => BLACK + ((step + 0.5) / STEPS) * (value - BLACK));
    backward(network, run(network, point), target).input.forEach((slope, k) => { total[k] += slope; });
  }
  return total.map((sum, place) => (sum / STEPS) * (input[place] - BLACK));
}

// Each map times its mean gradient, added up; and these weights of the maps.
function gradCam(values, gradients, layer) {
  const [channels, rows, columns] = SHAPES[layer];
  const cells = rows * columns;
  const weights = Array.from({ length: channels }, (_, channel) =>
    gradients[layer].subarray(channel * cells, (channel + 1) * cells).reduce((a, b) => a + b) / cells);
  const map = Float32Array.from({ length: cells }, (_, place) =>
    weights.reduce((sum, weight, channel) => sum + weight * values[layer][channel * cells + place], 0));
  return { map, weights };
}

// What is shown of a picture: { map, side, weights }; null where the reader makes the map.
function attribute(network, pixels, { view, target, layer, channel, size, cover }) {
  const values = forward(network, pixels);
  const whole = (map) => ({ map, side: SIDE });
  if (view === "patch") return null;
  if (view === "occlusion") {
    return whole(occlusion(network, pixels, target, size, Math.min(2, size), COVERS[cover]));
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

// ---- the page -------------------------------------------------------------------------------

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "explanation_explorer");
  const { element } = kit;
  const get = (name) => model.get(name);
  const [classes, pictures, labels] = [get("classes"), get("pictures"), get("labels")];
  let [network, pixels] = [decode(get("weights")), bytes(get("picture"))];
  let [plain, now, shown, trace] = [null, null, null, null]; // values uncovered and covered; the map
  let [drawn, dragging, colours] = ["", false, null];
  const pack = (rgb) => rgb.reduce((sum, part, k) => sum | (Math.round(part) << (8 * k)), 255 << 24);
  const digits = (number, decimals = 2) => (Number(number.toFixed(decimals)) + 0).toFixed(decimals).replace("-", "−");
  const signed = (number) => (number < 0 || digits(number) === "0.00" ? "" : "+") + digits(number);
  const percent = (share) => `${Math.round(100 * share)} %`;
  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const place = () => get("position").map((p) => clamp(p, 0, SIDE - 1));
  const layer = () => (get("view") === "grad_cam" || get("view") === "maps" ? get("layer") : "conv1");
  const channel = () => Math.min(get("channel"), SHAPES[layer()][0] - 1);
  function put(changes) {
    Object.entries(changes).forEach(([name, value]) => model.set(name, value));
    model.save_changes();
  }

  // ---- the parts ------------------------------------------------------------------------------
  const list = (name, options, onInput) => kit.select({
    label: word(name), options, onInput: onInput || ((value) => put({ [name]: value })),
  });
  const choices = {
    picture: list("picture", [["", word("own")],
      ...pictures.map((_, k) => [k, `${k + 1}: ${classes[labels[k]]}`])],
    (k) => put({ label: labels[k], picture: pictures[k] })),
    view: list("view", VIEWS.map((view) => [view, word(view)])),
    layer: list("layer", Object.keys(SHAPES).slice(1, 5).map((name) => [name, word(name)])),
    cover: list("cover", Object.keys(COVERS).map((name) => [name, word(name)])),
  };
  const size = kit.slider({ label: word("size"), min: 1, max: 14, onInput: (value) => put({ size: value }) });
  const again = kit.button({ label: word("again"), onClick: () => { drawn = ""; redraw(); } });
  const board = (label) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const frame = element("div", { class: "xai-frame" });
    const paper = element("div", { class: "xai-paper", tabindex: 0, role: "group", "aria-label": label },
      canvas, frame);
    const caption = element("div", { class: "xai-caption" });
    return { paint: null, canvas, frame, paper, caption, node: element("section", { class: "xai-part" },
      caption, paper) };
  };
  const boards = [board(word("board")), board(word("map_board"))];
  boards[0].paint = painter(boards[0].canvas, SIDE, SIDE);
  const bars = classes.map((name, k) => element("button", {
    type: "button", class: "xai-bar", onclick: () => put({ target: k }),
  }, element("span", {}, name), " ", element("span", { class: "xai-quiet" }), " ", element("b")));
  const answer = element("div", { class: "xai-answer" });
  const strip = element("div", { class: "xai-strip", role: "group", "aria-label": word("maps_of") });
  const [spoken, about] = [kit.live(), element("div", { class: "xai-quiet" })];
  root.append(
    element("div", { class: "xai-tools" }, choices.picture.node, choices.view.node, choices.layer.node,
      size.node, choices.cover.node, again),
    element("div", { class: "xai-main" }, boards[0].node, boards[1].node,
      element("section", { class: "xai-part" },
        element("div", { class: "xai-caption" }, word("bars")),
        element("div", { class: "xai-bars", role: "group", "aria-label": word("choose") }, ...bars), answer)),
    spoken, about, strip);

  // ---- what the reader does -------------------------------------------------------------------
  for (const { paper } of boards) {
    const go = (event) => {
      const box = paper.getBoundingClientRect();
      put({ position: [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width]
        .map((share) => clamp(Math.floor(share * SIDE), 0, SIDE - 1)) });
    };
    paper.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      paper.setPointerCapture(event.pointerId);
      dragging = true;
      go(event);
    });
    paper.addEventListener("pointermove", (event) => { if (dragging) go(event); });
    ["pointerup", "pointercancel"].forEach((name) =>
      paper.addEventListener(name, () => { dragging = false; redraw(); }));
    paper.addEventListener("keydown", (event) => {
      const arrow = kit.ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault();
      put({ position: place().map((p, axis) => clamp(p + arrow[axis] * (event.shiftKey ? 4 : 1), 0, SIDE - 1)) });
    });
  }

  // ---- drawing --------------------------------------------------------------------------------
  function compute() {
    const [view, target, width, cover] = ["view", "target", "size", "cover"].map(get);
    const corner = place().map((p) => p - Math.floor(width / 2));
    plain = forward(network, pixels);
    now = view === "patch" ? forward(network, covered(pixels, corner, width, COVERS[cover])) : plain;
    // The map is computed anew only when something it depends on has changed.
    const asked = JSON.stringify([view, target, get("picture"), view === "patch" || view === "occlusion"
      ? [width, cover] : [layer(), view === "maps" && channel()]]);
    if (asked !== drawn) {
      trace = view === "patch" ? { total: new Float32Array(SIDE * SIDE), count: new Float32Array(SIDE * SIDE) } : null;
      shown = attribute(network, pixels, { view, target, layer: layer(), channel: channel(), size: width, cover });
      drawStrip();
    }
    drawn = asked;
    if (trace) { // the reader's own occlusion map grows where the patch has been
      const visit = covered(new Uint8Array(SIDE * SIDE), corner, width, 1);
      const fall = plain.logits[target] - now.logits[target];
      visit.forEach((inside, k) => { trace.total[k] += inside * fall; trace.count[k] += inside; });
      shown = { map: trace.total.map((sum, k) => (trace.count[k] ? sum / trace.count[k] : 0)), side: SIDE };
    }
  }
  const chosen = () => {
    const [row, column] = place().map((p) => Math.floor((p * shown.side) / SIDE));
    return shown.map[row * shown.side + column];
  };
  function drawBoards() {
    const [view, width] = [get("view"), get("size")];
    const [{ map, side }, most] = [shown, largest(shown.map)];
    const corner = place().map((p) => p - Math.floor(width / 2));
    const seen = view === "patch" ? covered(pixels, corner, width, COVERS[get("cover")]) : pixels;
    boards[0].paint((k) => {
      const grey = [seen[k], seen[k], seen[k]];
      if (view === "patch") return pack(grey);
      const value = map[Math.floor((Math.floor(k / SIDE) * side) / SIDE) * side + Math.floor(((k % SIDE) * side) / SIDE)];
      return pack(kit.mix(grey, value < 0 ? colours.below : colours.above, 0.85 * Math.abs(value) / most));
    });
    if (boards[1].canvas.width !== side || !boards[1].paint) boards[1].paint = painter(boards[1].canvas, side, side);
    boards[1].paint((k) => pack(colours.diverging(map[k] / most)));
    write(boards[0].caption, word(view === "patch" ? "covered" : "laid_over"));
    write(boards[1].caption, `${word(view === "patch" ? "trace" : view)} · ${side} × ${side}`);
    const [top, left] = view === "patch" ? corner : place();
    const box = view === "patch" ? width : 1;
    const part = (cells) => `${(100 * cells) / SIDE}%`;
    const [low, high] = [[top, left].map((p) => Math.max(0, p)), [top, left].map((p) => Math.min(SIDE, p + box))];
    boards.forEach(({ frame }) => { frame.style.cssText =
      `top:${part(low[0])};left:${part(low[1])};height:${part(high[0] - low[0])};width:${part(high[1] - low[1])}`; });
  }
  function drawBars() {
    const best = now.logits.indexOf(Math.max(...now.logits));
    bars.forEach((bar, k) => {
      const change = now.logits[k] - plain.logits[k];
      const text = digits(now.logits[k]) + (get("view") === "patch" ? ` (${signed(change)})` : "");
      write(bar.children[1], text);
      write(bar.children[2], percent(now.softmax[k]));
      bar.style.setProperty("--share", now.softmax[k]);
      bar.classList.toggle("xai-best", k === best);
      bar.setAttribute("aria-pressed", k === get("target"));
    });
    const label = get("label");
    write(answer, word("answer", { name: classes[best], share: percent(now.softmax[best]) })
      + (label === null ? "" : ` ${word(label === best ? "right" : "wrong", { name: classes[label] })}`));
  }
  function drawWords() {
    const [view, target] = [get("view"), get("target")];
    const [row, column] = place().map((p) => p + 1);
    spoken.setAttribute("aria-live", dragging ? "off" : "polite");
    write(spoken, view === "patch"
      ? word("heard_patch", { row, column, name: classes[target], before: digits(plain.logits[target]),
        after: digits(now.logits[target]) })
      : word("heard", { row, column, value: signed(chosen()) }));
    const nothing = () => forward(network, new Uint8Array(SIDE * SIDE)).logits[target];
    const sum = () => shown.map.reduce((a, b) => a + b, 0);
    write(about, word(`about_${view}`, { name: classes[target], most: digits(largest(shown.map)),
      ...(["integrated", "gradient_input"].includes(view)
        ? { sum: digits(sum()), change: digits(plain.logits[target] - nothing()) } : {}) }));
  }
  function drawStrip() {
    const [view, name] = [get("view"), layer()];
    strip.hidden = view !== "maps" && view !== "grad_cam";
    const tools = { layer: !strip.hidden, cover: trace || view === "occlusion" };
    choices.layer.node.hidden = !tools.layer;
    choices.cover.node.hidden = size.node.hidden = !tools.cover;
    again.hidden = !trace;
    if (strip.hidden) return;
    const [channels, side] = SHAPES[name];
    const most = largest(plain[name]);
    const focused = [...strip.children].indexOf(document.activeElement);
    strip.replaceChildren(...Array.from({ length: channels }, (_, k) => {
      const canvas = element("canvas", { "aria-hidden": "true" });
      painter(canvas, side, side)((cell) => pack(colours.diverging(plain[name][k * side * side + cell] / most)));
      const weight = shown.weights ? digits(shown.weights[k], 3) : String(k + 1);
      return element("button", { type: "button", class: "xai-map",
        "aria-pressed": view === "maps" && k === channel(),
        "aria-label": word("map", { number: k + 1 }) + (shown.weights ? `, α ${weight}` : ""),
        onclick: () => put({ view: "maps", channel: k }) }, canvas, element("span", {}, weight));
    }));
    strip.children[focused]?.focus();
  }
  function draw() {
    compute();
    const known = pictures.indexOf(get("picture"));
    choices.picture.set(known < 0 ? "" : known);
    ["view", "layer", "cover"].forEach((name) => choices[name].set(get(name)));
    size.set(get("size"));
    drawBoards();
    drawBars();
    drawWords();
  }
  const redraw = kit.oncePerFrame(draw);
  const mixColours = () => {
    colours = { diverging: kit.diverging(root), above: kit.colour(root, "above"), below: kit.colour(root, "below") };
    drawn = "";
  };
  const undo = [
    kit.followTheme(root, () => { mixColours(); redraw(); }),
    kit.onChange(model, ["weights"], () => { network = decode(get("weights")); drawn = ""; redraw(); }),
    kit.onChange(model, ["picture"], () => { pixels = bytes(get("picture")); redraw(); }),
    kit.onChange(model, ["label", "view", "target", "layer", "channel", "position", "size", "cover"], redraw),
  ];
  mixColours();
  draw();
  return () => undo.forEach((stopListening) => stopListening());
}

export default { render, attribute, backward, decode };
