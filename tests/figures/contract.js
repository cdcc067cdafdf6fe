// Stands in a figure's page before everything else: writes down what goes wrong, what is asked for
// and never given back, and offers the looks and touches of tests/figures/test_every_figure.py.

const contract = (() => {
  const complaints = [];
  for (const name of ["error", "warn"]) {
    console[name] = (...words) => complaints.push(`console.${name}: ${words.join(" ")}`);
  }
  addEventListener("error", (event) => complaints.push(`error: ${event.message}`));
  addEventListener("unhandledrejection", (event) => complaints.push(`rejected: ${event.reason}`));
  document.addEventListener("securitypolicyviolation", // the page may ask nothing of any network
    (event) => complaints.push(`request: ${event.effectiveDirective} ${event.blockedURI}`));

  // What the reader's system wishes, as the tests tell: a dark page, or one without motion.
  const wishes = { dark: new EventTarget(), reduce: new EventTarget() };
  window.matchMedia = (query) => wishes[query.match(/dark|reduce/)[0]];
  function wish(name, matches) {
    wishes[name].matches = matches;
    wishes[name].dispatchEvent(new Event("change"));
  }

  // ---- what was asked for and not yet given back ------------------------------------------------
  const own = { setTimeout, requestAnimationFrame }; // for the contract's own waiting
  const held = { frames: new Set(), timers: new Set(), observers: new Set(), listeners: new Set() };
  function watch(ask, drop, kind, once) {
    const [asking, dropping] = [window[ask], window[drop]];
    window[ask] = (go, ...rest) => {
      const ticket = asking.call(window, (...values) => {
        if (once) held[kind].delete(ticket);
        go(...values);
      }, ...rest);
      held[kind].add(ticket);
      return ticket;
    };
    window[drop] = (ticket) => { held[kind].delete(ticket); dropping.call(window, ticket); };
  }
  watch("requestAnimationFrame", "cancelAnimationFrame", "frames", true);
  watch("setTimeout", "clearTimeout", "timers", true);
  watch("setInterval", "clearInterval", "timers", false);
  if (window.requestIdleCallback) {
    watch("requestIdleCallback", "cancelIdleCallback", "frames", true);
  }
  for (const name of ["MutationObserver", "ResizeObserver", "IntersectionObserver"]) {
    window[name] = class extends window[name] {
      observe(...what) { held.observers.add(this); super.observe(...what); }
      disconnect() { held.observers.delete(this); super.disconnect(); }
    };
  }
  // Listeners of what outlives a figure: a node of its own goes with it.
  const numbers = new Map();
  const numberOf = (thing) => numbers.get(thing) ?? numbers.set(thing, numbers.size).get(thing);
  const keyOf = (target, [name, listener, options]) =>
    [target?.constructor?.name, name, numberOf(target), numberOf(listener),
      options?.capture ?? options].join(" ");
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
  const targets = new Map();
  EventTarget.prototype.addEventListener = function (...listening) {
    const key = keyOf(this ?? window, listening);
    held.listeners.add(key);
    targets.set(key, this ?? window);
    const { signal } = listening[2] ?? {};
    if (signal) add.call(signal, "abort", () => held.listeners.delete(key));
    return add.apply(this ?? window, listening);
  };
  EventTarget.prototype.removeEventListener = function (...listening) {
    held.listeners.delete(keyOf(this ?? window, listening));
    return remove.apply(this ?? window, listening);
  };
  const outlives = (target) => !(target instanceof Element)
    || (target.isConnected && !target.closest(".cnnbook-figure"));
  const beyond = () => [...held.listeners].filter((key) => outlives(targets.get(key)));
  const pause = (time) => new Promise((go) => own.setTimeout.call(window, go, time)); // in ms
  // Wait until nothing is to be drawn and no timer runs; false when that takes too long.
  async function quiet(most = 1500) {
    for (let passed = 0; passed < most; passed += 10) {
      await pause(10);
      const moving = document.getAnimations().some((one) => one.playState === "running");
      if (!held.frames.size && !held.timers.size && !moving) return true;
    }
    return false;
  }
  // Wait until what was just done is drawn, whether or not a figure goes on playing.
  const frame = () => new Promise((go) => own.requestAnimationFrame.call(window, go));
  const drawn = async () => { await frame(); if (held.frames.size) await frame(); };

  // ---- looking ----------------------------------------------------------------------------------
  let root = null; // the figure that is looked at
  const all = (selector = "*") => [...root.querySelectorAll(selector)];
  const seen = (node) => node.checkVisibility({ visibilityProperty: true });
  // Kept for those who hear the page: inside a part of one pixel.
  const isUnseen = (node) => node !== root
    && (node.getBoundingClientRect().height <= 1 || isUnseen(node.parentElement));
  const CONTROLS = "button, input, select, textarea, a[href], summary, [tabindex]";
  const controls = () => all(CONTROLS).filter((node) => seen(node) && !node.disabled);
  // The accessible name, as far as the book's figures give one.
  function nameOf(node) {
    const heard = (part) => [...part.childNodes].map((child) =>
      (child.nodeType === 3 ? child.textContent : child.nodeType !== 1
        || child.getAttribute("aria-hidden") === "true" || child.matches("input, select, output")
        ? "" : heard(child))).join(" ");
    return (node.ariaLabel || [...node.labels || []].map(heard).join(" ")
      || (node.matches("button, a, summary") ? heard(node) : "") || "").trim();
  }
  const ringOf = (node) => {
    const style = getComputedStyle(node);
    return `${style.outlineStyle} ${style.outlineWidth} ${style.outlineColor} ${style.boxShadow}`;
  };
  const called = (node) => `${node.tagName} "${nameOf(node)}" .${node.getAttribute("class")}`;
  // Elements, the numbers in the fields, the pixels of the canvases; without what is only read out
  // and where the focus was.
  const picture = () => all().filter((node) => seen(node) && !node.closest("[aria-live]")).map(
    (node) => [node.tagName, node.matches("input, select") ? node.value
      : node.childElementCount ? "" : node.textContent,
      ...[...node.attributes].filter(({ name, value }) => name !== "tabindex" && value)
        .map(({ name, value }) => `${name}=${value}`).sort(),
      node.checked ?? "", node.matches("canvas") ? node.toDataURL() : ""].join(" "));
  const spoken = () => all("[aria-live]").map((node) => node.textContent);
  const looks = () => `${picture().join("\n")} ${spoken()}`;

  // ---- colours ----------------------------------------------------------------------------------
  const dye = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function rgba(colour) {
    dye.clearRect(0, 0, 1, 1);
    dye.fillStyle = colour;
    dye.fillRect(0, 0, 1, 1);
    return [...dye.getImageData(0, 0, 1, 1).data];
  }
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  function contrast(one, other) {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  }
  const over = (front, back) => back.map((value, i) =>
    (i < 3 ? value + (front[i] - value) * front[3] / 255 : 255));
  // The colours that an element lays over a point of the page.
  function layersAt(node, x, y) {
    const style = getComputedStyle(node);
    if (node instanceof HTMLCanvasElement) {
      const box = node.getBoundingClientRect();
      const across = [x - box.left, box.width, node.width];
      const [column, row] = [across, [y - box.top, box.height, node.height]]
        .map(([place, length, cells]) => Math.min(cells - 1, Math.floor((place / length) * cells)));
      return [[...node.getContext("2d").getImageData(column, row, 1, 1).data]];
    }
    if (node instanceof SVGGeometryElement) return style.fill === "none" ? [] : [rgba(style.fill)];
    // A bar is a gradient of one colour, or a hard stop, as wide as its share.
    const bar = style.backgroundImage.match(
      /^linear-gradient\((?:to right, |90deg, )?(\w+\(.*?\)) ([\d.]+)/);
    const share = parseFloat(style.backgroundSize) || parseFloat(bar?.[2]);
    const box = node.getBoundingClientRect();
    const covered = bar && (x - box.left) / box.width < share / 100;
    return covered ? [rgba(style.backgroundColor), rgba(bar[1])] : [rgba(style.backgroundColor)];
  }
  function groundOf(node, x, y) {
    const stack = document.elementsFromPoint(x, y);
    const under = stack.slice(Math.max(0, stack.indexOf(node)));
    let ground = [255, 255, 255, 255];
    for (const one of under.reverse()) {
      if (one === node && one instanceof SVGElement) continue;
      for (const front of layersAt(one, x, y)) ground = over(front, ground);
    }
    return ground;
  }
  // Text that does not stand out from what is behind it (WCAG 2.2, 1.4.3: 4.5 to 1).
  function pale() {
    const touchable = document.createElement("style");
    touchable.textContent = "* { pointer-events: auto !important; }";
    document.head.append(touchable);
    const texts = all().filter((node) => seen(node) && !node.matches("option, :disabled")
      && (node.matches("input:not([type=range]):not([type=checkbox]), select")
        || [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())));
    const found = texts.flatMap((node) => {
      const [box, style] = [node.getBoundingClientRect(), getComputedStyle(node)];
      if (box.width < 2 || style.opacity === "0") return [];
      const ink = rgba(node instanceof SVGElement ? style.fill : style.color);
      if (!ink[3]) return []; // too small a figure for it
      // Letters with an outline bring the colour behind them along.
      const behind = style.paintOrder.startsWith("stroke") ? rgba(style.stroke)
        : groundOf(node, box.left + box.width / 2, box.top + box.height / 2);
      const least = contrast(over(ink, behind), behind);
      const where = `${called(node)} ${node.textContent.slice(0, 20)}`;
      return least < 4.5 ? [`${where}: ${least.toFixed(2)}`] : [];
    });
    touchable.remove();
    return found;
  }

  // Parts whose content sticks out of them, or that stick out of the page.
  function wide(width) {
    const most = Math.min(width, root.getBoundingClientRect().right) + 0.5;
    return all().filter((node) => seen(node) && !node.ownerSVGElement && !isUnseen(node)
      && (node.getBoundingClientRect().right > most
        || (node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 1
          && !node.matches("input, select, .cnnbook-live, option"))))
      .map((node) => `${called(node)} ${node.textContent.slice(0, 30)}`);
  }
  // What a reader finds at this width: language and theme, the height beside that of the figure
  // asleep, and what should not be: cut off, not filled in, too pale.
  async function facts(width) {
    await drawn();
    const texts = all().flatMap((node) => [node.ariaLabel, node.title,
      ...[...node.childNodes].filter((child) => child.nodeType === 3).map((c) => c.textContent)]);
    const heightOf = (node) => node.getBoundingClientRect().height;
    return {
      lang: root.lang, theme: root.dataset.theme, height: heightOf(root),
      room: heightOf(document.querySelector(".cnnbook-still")), wide: wide(width), pale: pale(),
      unsaid: texts.filter((text) => /undefined|\bnull\b|NaN|\{\w+\}|\[object/.test(text || "")),
    };
  }

  // ---- the figure at hand -----------------------------------------------------------------------
  let page = null; // the page's model
  const model = () => page;
  const written = []; // the states that the page has saved
  const followers = new Set(); // who listens to the model
  let [first, shown] = [{}, null]; // the state the page began with; the view made last
  function begin(state) {
    first = state;
    page = document.querySelector(".cnnbook-place").cnnbookModel;
    root = document.querySelector(".cnnbook-figure");
    const { save_changes: save, on, off } = model();
    const changed = () => Object.keys(first).filter((name) =>
      JSON.stringify(model().get(name)) !== JSON.stringify(first[name]));
    Object.assign(model(), {
      save_changes() {
        written.push(Object.fromEntries(changed().map((name) => [name, model().get(name)])));
        return save.call(model());
      },
      on(event, go) {
        followers.add(`${event} ${numberOf(go)}`);
        return on.call(model(), event, go);
      },
      off(event, go) {
        followers.delete(`${event} ${numberOf(go)}`);
        return off.call(model(), event, go);
      },
    });
  }
  const put = (state) => Object.entries(state).forEach(([name, value]) => model().set(name, value));
  // One more view of the page's model: on the page, in a shadow root, or nowhere at all.
  async function view(where) {
    const [el, home] = [document.createElement("div"), document.createElement("div")];
    if (where !== "nowhere") document.body.prepend(home); // on top: all of it is in the window
    if (where === "shadow") {
      const style = document.createElement("style");
      style.textContent = document.querySelector("style").textContent;
      home.attachShadow({ mode: "open" }).append(style, el);
    } else home.append(el);
    const [name] = Object.keys(cnnbookFigures);
    const undo = await cnnbookFigures[name].render({ model: model(), el });
    await drawn();
    const away = () => { undo(); home.remove(); };
    return { undo, root: el.querySelector(".cnnbook-figure"), away };
  }
  // The figure anew, in its first state or another one; it is what is looked at from now on.
  async function again(state = {}, where = "page") {
    shown?.away();
    put({ ...first, ...state });
    shown = await view(where);
    root = shown.root;
  }
  // The lines in which a view differs from the figure that is looked at; at most three.
  function differences(other) {
    const old = root;
    const mine = picture();
    root = other;
    const its = picture();
    root = old;
    const lines = mine.flatMap((line, k) => (line === its[k] ? [] : [`${line} | ${its[k]}`]));
    const counts = `${mine.length} | ${its.length} nodes`;
    return [...lines, ...(mine.length === its.length ? [] : [counts])]
      .slice(0, 3).map((line) => line.slice(0, 200));
  }
  // Set traits as Python does, one after the other: which views differ from the one looked at?
  async function outside(changes) {
    const other = await view("page");
    const answers = [];
    for (const change of changes) {
      const before = looks();
      put(change);
      await drawn();
      const fresh = await view("page");
      answers.push({ changed: looks() !== before, other: differences(other.root),
        anew: differences(fresh.root), wide: wide(innerWidth) });
      fresh.away();
    }
    other.away();
    return answers;
  }
  // All changes there and back, between two frames: where is what is seen then not as drawn anew?
  async function hurry(changes) {
    for (const order of [changes, [...changes].reverse(), changes]) {
      for (const change of order) {
        put(change);
        for (let turn = 0; turn < 5; turn += 1) await null; // what stands in line is drawn
      }
      await frame();
    }
    await drawn();
    const fresh = await view("page");
    const found = differences(fresh.root);
    fresh.away();
    return found;
  }
  // Turn the page's theme with `turn`: the theme shown then, and where the drawing is not anew.
  async function turned(turn) {
    turn();
    await drawn();
    const fresh = await view("page");
    const answer = [root.dataset.theme, differences(fresh.root)];
    fresh.away();
    return answer;
  }
  // What is still held after a view was made, worked on and cleaned up.
  async function leftovers() {
    const sizes = () => ({ observers: [...held.observers], followers: [...followers],
      listeners: beyond() });
    const before = sizes();
    const one = await view("page");
    root = one.root;
    for (const node of controls().filter((button) => button.matches("button")).slice(0, 12)) {
      if (node.isConnected && seen(node)) node.click();
      await frame();
    }
    playButton()?.click();
    await frame();
    one.undo();
    const after = sizes();
    const left = Object.keys(before).flatMap((kind) => after[kind]
      .filter((thing) => !before[kind].includes(thing))
      .map((thing) => `${kind}: ${thing?.constructor?.name} ${thing}`));
    if (!(await quiet())) {
      left.push(`still asked for: ${held.timers.size} timers, ${held.frames.size} frames`);
    }
    return left;
  }
  // Is all quiet while a view is nowhere on the page, and does it look as it should when it is put
  // there later, as JupyterLab does?
  async function later() {
    const one = await view("nowhere");
    const still = await quiet(700);
    document.body.prepend(one.root.parentElement.parentElement);
    await frame(); // its size is told after a frame
    await frame();
    await drawn();
    const answer = [still, differences(one.root)];
    one.away();
    return answer;
  }
  const playButton = () => controls().find((node) =>
    [model().get("words").play, model().get("words").pause].includes(node.textContent));
  // Where on the screen a share of an element lies.
  function at(selector, shares) {
    const node = root.querySelector(selector);
    node.scrollIntoView({ block: "center" });
    const box = node.getBoundingClientRect();
    return shares.map(([x, y]) => [box.left + x * box.width, box.top + y * box.height]);
  }

  // Work a control as a reader would, without a hand: another value, a click.
  function work(node) {
    const tell = (...names) => names.forEach(
      (name) => node.dispatchEvent(new Event(name, { bubbles: true })));
    if (node.matches("[type=range]")) {
      node.value = Number(node.value) === Number(node.max) ? node.min : node.max;
      tell("input", "change");
    } else if (node.matches("select")) {
      const other = [...node.options].find((one) => !one.disabled && one.value !== node.value);
      if (!other) return;
      node.value = other.value;
      tell("input", "change");
    } else if (node.matches("input:not([type=checkbox]):not([type=radio])")) {
      node.focus();
      node.value = node.value === "3" ? "2" : "3";
      tell("input", "change");
    } else node.click();
  }
  // The sliders and fields for numbers that a double click does not put back to where they stood.
  async function stuck() {
    const found = [];
    const names = controls().filter((node) => node.matches("[type=range], .cnnbook-cells input")
      && !node.readOnly && !node.matches(".cnnbook-cells > * + * + *")).map(called);
    for (const name of new Set(names)) {
      await again();
      const node = controls().find((one) => called(one) === name);
      const before = node.value;
      work(node);
      await drawn();
      if (node.value !== before) node.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
      node.blur();
      await drawn();
      const now = controls().find((one) => called(one) === name)?.value;
      if (now !== before) found.push(`${name}: ${before}, then ${now}`);
    }
    return found;
  }
  // Does the control do something? A figure that it makes play is stopped again.
  async function works(name) {
    const node = controls().find((one) => called(one) === name);
    if (!node) return true; // it went away
    const before = looks();
    work(node);
    await drawn();
    const changed = looks() !== before;
    if (held.timers.size && !(await quiet(50))) node.click();
    return changed;
  }
  // The controls that change nothing: not one after the other, and in the figure anew neither alone
  // nor after a neighbour or the fields for typing.
  async function idle() {
    // Two cells stand for all.
    const isOneOfMany = (node) => node.matches(".cnnbook-cells > * + * + *");
    const order = [...new Set(controls().filter((node) => node.matches("button, input, select")
      && !node.readOnly && !isOneOfMany(node)).map(called))];
    const dead = [];
    for (const name of order) if (!(await works(name))) dead.push(name);
    const fields = order.filter((name) => name.startsWith("INPUT"));
    const never = [];
    for (const name of dead) {
      const place = order.indexOf(name);
      const before = [[], [order[place + 1]], [order[place - 1]], fields];
      let found = false;
      for (const names of before) {
        if (found) break;
        await again();
        for (const other of names) if (other) await works(other);
        found = await works(name);
      }
      if (!found) never.push(name);
    }
    return never;
  }
  // A log of what the focus met: which control, whether it is seen, and its ring.
  let [met, wanted] = [[], []];
  const unfocused = new Map();
  function listen() { // returns how many presses of Tab it takes at most
    met = [];
    const before = root.parentElement; // from here the first Tab leads into the figure
    before.tabIndex = -1;
    before.focus();
    wanted = controls();
    wanted.forEach((node) => unfocused.set(node, ringOf(node)));
    add.call(root, "focusin", ({ target }) => {
      const style = getComputedStyle(target);
      const strong = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none"
        && contrast(rgba(style.outlineColor), rgba(getComputedStyle(root).backgroundColor)) >= 3;
      met.push({ node: target, name: called(target), seen: seen(target),
        ring: strong && ringOf(target) !== unfocused.get(target) });
    });
    return controls().filter((node) => node.tabIndex >= 0).length;
  }
  const heard = () => met.map(({ name, seen: visible, ring }) => ({ name, seen: visible, ring }));
  // What the focus never met, of all controls or of those with a Tab stop of their own.
  const isMet = (node) => met.some((one) => one.node === node);
  const missed = (stops) => wanted.filter((node) => seen(node) && !isMet(node)
    && !(stops && node.tabIndex < 0)).map(called);
  // Groups with one Tab stop: that stop, and arrow keys that lead through rows and along the list.
  function groups() {
    const homes = new Map();
    controls().filter((node) => node.tabIndex < 0).forEach((node) => {
      let home = node.parentElement;
      while (home !== root && !controls().some((one) => one.tabIndex >= 0 && home.contains(one))) {
        home = home.parentElement;
      }
      homes.set(home, [...homes.get(home) ?? [], node]);
    });
    return [...homes].map(([home, nodes]) => {
      const inside = controls().filter((node) => home.contains(node));
      const stop = inside.find((node) => node.tabIndex >= 0);
      const count = (side) => new Set(nodes.concat(stop).map((node) =>
        Math.round(node.getBoundingClientRect()[side]))).size;
      const [rows, columns] = [count("top"), count("left")];
      const through = Array.from({ length: rows }, (_, row) => [
        ...Array(columns - 1).fill(row % 2 ? "ArrowLeft" : "ArrowRight"), "ArrowDown"]).flat();
      const right = Array(nodes.length).fill("ArrowRight");
      return [controls().indexOf(stop), [...through, "Home", ...right]];
    });
  }
  async function until(test, most = 6000) {
    for (let passed = 0; passed < most && !test(); passed += 20) await pause(20);
    return test();
  }

  return {
    again, at, begin, called, complaints, controls, drawn, facts, groups, heard, hurry, idle, later,
    leftovers,
    listen, missed, model, nameOf, outside, quiet, stuck, turned, until, wish, written,
    get root() { return root; },
  };
})();
