// player.js: when to draw, and what steps, plays and answers the keys.

/**
 * The one clock of a figure: it draws what has to be drawn, and nothing else.
 *
 * A part is [draw, ...names]. It is drawn when one of its names is marked: a trait, which marks
 * itself when the page or Python sets it; "theme", when the page's colours are others; or a name of
 * the figure's own. Parts are drawn in the order of the list, so that a part finds the nodes that
 * parts above it have made. All parts are drawn once here.
 *
 * The first event of a frame is drawn as soon as it is over, so that it is ready when the frame
 * comes; what is marked until then is drawn in that frame. Nothing marked, nothing asked of the
 * browser.
 * @param {HTMLElement} root
 * @param {Model} model
 * @param {[() => void, ...string[]][]} parts
 */
function clock(root, model, parts) {
  const marked = new Set();
  let frame = null; // the one we wait for
  function draw() {
    const now = new Set(marked);
    marked.clear();
    for (const [part, ...names] of parts) if (names.some((name) => now.has(name))) part();
  }
  function mark(...names) {
    names.forEach((name) => marked.add(name));
    if (frame !== null) return;
    frame = requestAnimationFrame(() => { frame = null; draw(); });
    queueMicrotask(draw);
  }
  const undo = [followTheme(root, () => mark("theme"))];
  new Set(parts.flatMap(([, ...names]) => names)).forEach((name) =>
    undo.push(onChange(model, [name], () => mark(name))));
  parts.forEach(([part]) => part());
  marked.clear();
  function stop() {
    undo.forEach((stopListening) => stopListening());
    cancelAnimationFrame(frame);
    marked.clear();
  }
  return { mark, stop };
}

/**
 * What follows from traits: a function that computes it anew only when one of them has changed.
 * @template Value
 * @param {Model} model
 * @param {string[]} names
 * @param {() => Value} compute
 */
function derived(model, names, compute) {
  let known = null;
  /** @type {Value} */
  let value;
  return () => {
    const now = names.map((name) => model.get(name));
    if (!known || now.some((trait, place) => trait !== known[place])) value = compute();
    known = now;
    return value;
  };
}

// Call `draw` when one of the traits changes, from the page or from Python. Returns the undo.
function onChange(model, names, draw) {
  names.forEach((name) => model.on(`change:${name}`, draw));
  return () => names.forEach((name) => model.off(`change:${name}`, draw));
}

const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The place, moved into a grid of that shape. */
const inside = (place, shape) => place.map((p, axis) => clamp(p, 0, shape[axis] - 1));

/**
 * How a reader goes through a grid with any number of axes: place() is where the figure stands,
 * shape() how large the grid is, go(place) goes there. A step is one place in reading order.
 * @param {{ place: () => number[], shape: () => number[], go: (place: number[]) => void }} grid
 */
function walk({ place, shape, go }) {
  const to = (next) => go(inside(next, shape()));
  return {
    to,
    by: (...ways) => to(place().map((p, axis) => p + (ways[axis] || 0))),
    first: () => to(shape().map(() => 0)),
    last: () => to(shape().map(() => Infinity)),
    atEnd: () => place().every((p, axis) => p >= shape()[axis] - 1),
    step(by) {
      const sizes = shape();
      const count = sizes.reduce((product, size) => product * size, 1);
      const here = place().reduce((number, p, axis) => number * sizes[axis] + p, 0);
      let rest = clamp(here + by, 0, count - 1);
      if (count) to(sizes.map(() => 0).map((_, axis) => {
        const below = sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
        const p = Math.floor(rest / below);
        rest -= p * below;
        return p;
      }));
    },
  };
}

/**
 * Playing, with one meaning everywhere: it begins anew where it stands at the end, goes step by
 * step and stops at the end; whatever else the reader does stops it. With reduced motion it is one
 * step. `node` is the button; button(name, go) makes one more, which stops it and goes.
 * @param {{ word: (key: string) => string, path: ReturnType<typeof walk>, pause: () => number,
 *   rewind?: () => void, onChange?: () => void }} options
 *   `pause`: milliseconds a step; `rewind`: to the start; `onChange`: it plays, or it has stopped
 */
function player({ word, path, pause, rewind = path.first, onChange: changed = () => {} }) {
  let timer = null;
  const node = button({ label: word("play"), onClick: toggle });
  function set(next) {
    clearInterval(timer);
    timer = next;
    node.textContent = word(timer === null ? "play" : "pause");
    changed();
  }
  function stop() { if (timer !== null) set(null); }
  function tick() {
    path.step(1);
    if (path.atEnd()) stop();
  }
  function toggle() {
    if (timer !== null) { stop(); return; }
    if (path.atEnd()) rewind();
    else if (reducedMotion()) path.step(1);
    if (!reducedMotion()) set(setInterval(tick, pause()));
  }
  const other = (name, go) => button({ label: word(name), onClick: () => { stop(); go(); } });
  return { node, toggle, stop, rewind, playing: () => timer !== null, button: other };
}

/**
 * Long work, done in slices so that the page stays alive: start(steps) drops what was under way and
 * goes on with a generator of short steps, in every frame as many as fit into 5 ms; the drawing
 * has the rest of the frame. onSlice() is called after each slice.
 * @param {() => void} onSlice
 */
function slices(onSlice) {
  let frame = null;
  function stop() {
    cancelAnimationFrame(frame);
    frame = null;
  }
  /** @param {Generator} steps */
  function start(steps) {
    stop();
    let longest = 0; // of the last steps: the next one will hardly take longer
    const go = () => {
      let now = performance.now();
      const end = now + 5;
      let done;
      do {
        done = steps.next().done;
        const before = now;
        now = performance.now();
        longest = Math.max(now - before, longest / 2);
      } while (!done && now + longest < end);
      frame = done ? null : requestAnimationFrame(go);
      onSlice();
    };
    frame = requestAnimationFrame(go);
  }
  return { start, stop };
}

/**
 * What can be taken back, at most so many steps: remember(state) before a change, back() for the
 * state before the last one.
 */
function earlier(most = 50) {
  const states = [];
  return {
    remember(state) { states.push(state); if (states.length > most) states.shift(); },
    back: () => states.pop(),
  };
}

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/**
 * The keys of a figure, the same everywhere: arrows move along the path, Space plays, Home and End
 * go to its ends, Escape lets go. `arrow` is for a figure whose arrows do something else, `more`
 * for its own keys: { Enter: (event) => … }. A field keeps its keys, and so does the browser: with
 * Ctrl, Alt or ⌘ a key is not ours.
 * @param {HTMLElement} node
 * @param {{ path?: ReturnType<typeof walk>, play?: ReturnType<typeof player>,
 *   arrow?: (down: number, right: number, event: KeyboardEvent) => void,
 *   more?: Record<string, (event: KeyboardEvent) => void> }} actions
 */
function keys(node, { path, play, arrow = path?.by, more = {} }) {
  node.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const fields = key === " " ? "input, select, button" : "input, select";
    if (/** @type {Element} */ (target).matches(fields)) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const moves = arrow && ARROWS[key] && (() => arrow(ARROWS[key][0], ARROWS[key][1], event));
    const go = more[key] || moves || { Home: path?.first, End: path?.last }[key];
    if (key === " " && play) play.toggle();
    else if (key === "Escape" && play) play.stop();
    else if (go) { play?.stop(); go(event); }
    else return;
    event.preventDefault();
  });
}
