// kit.js: what every live figure shares. In a notebook it stands in front of the figure's module;
// in a static page it is part of one classic script. No imports, no build step.
const kit = (() => {
  // ---- building the page ----------------------------------------------------------------------

  // element("button", { class: "big", onclick: go }, "Go"): attributes, listeners, children.
  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") node.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== null) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  // The same for the parts of a drawing: svg("circle", { r: 3 }).
  function svg(tag, attributes = {}, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    node.append(...children);
    return node;
  }

  // The root of figure `name`: its words, its language, and keys that stay inside.
  // JupyterLab takes arrow keys for itself unless their keydown stops here.
  function figure(el, model, name) {
    const words = model.get("words");
    const root = element("div", {
      class: "cnnbook-figure", "data-figure": name, lang: model.get("language"),
    });
    el.classList.add("cnnbook-place");
    root.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
    });
    el.replaceChildren(root);
    // word("of", { done: 3 }): the words for a key, with {done} filled in.
    const word = (key, values = {}) =>
      words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    return { root, word };
  }

  // A slider with a visible label and value. onInput(number) is called as it moves.
  function slider({ label, min, max, onInput }) {
    const value = element("output", { class: "cnnbook-value" });
    const input = element("input", {
      type: "range", min, max, step: 1, "aria-label": label,
      oninput: () => { value.textContent = input.value; onInput(Number(input.value)); },
    });
    const node = element("label", { class: "cnnbook-slider" },
      element("span", {}, label), input, value);
    const set = (number) => { input.value = number; value.textContent = number; };
    return { node, input, set };
  }

  // A drop-down list. options: [[value, label], …]; onInput(value) is called on a choice.
  // An option with the value "" can be shown, not chosen.
  function select({ label, options, onInput }) {
    const input = element("select", { onchange: () => onInput(input.value) },
      ...options.map(([value, text]) => element("option", { value, disabled: value === "" ? "" : null }, text)));
    const node = element("label", { class: "cnnbook-select" }, element("span", {}, label), input);
    return { node, input, set: (value) => { input.value = value; } };
  }

  // A button; `name` is its accessible name where the visible label is only a sign.
  function button({ label, name, onClick }) {
    return element("button", {
      type: "button", class: "cnnbook-button", "aria-label": name, title: name, onclick: onClick,
    }, label);
  }

  // A line that screen readers read out when its text changes.
  function live() {
    return element("div", { class: "cnnbook-live", role: "status", "aria-live": "polite" });
  }

  // ---- tables of numbers ----------------------------------------------------------------------

  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  // A table of text fields with one Tab stop: arrow keys move between the fields, typing changes
  // them. onEdit(row, column, number) is called for each number typed.
  // set(table, { name, fixed }): name(row, column) is a field's accessible name, fixed(row, column)
  // says which fields cannot be changed.
  function cells(onEdit) {
    const node = element("div", { class: "cnnbook-cells" });
    let fields = [];
    const show = (field) => {
      field.value = format(field.number);
      field.style.setProperty("--length", Math.max(2, field.value.length));
      field.removeAttribute("aria-invalid");
    };
    const field = (row, column) => element("input", {
      type: "text", autocomplete: "off", spellcheck: "false", tabindex: row + column ? -1 : 0,
      onfocus: ({ target }) => {
        fields.flat().forEach((other) => { other.tabIndex = other === target ? 0 : -1; });
        target.select();
      },
      oninput: ({ target }) => {
        const number = parse(target.value);
        target.setAttribute("aria-invalid", Number.isNaN(number));
        if (!Number.isNaN(number)) onEdit(row, column, number);
      },
      onblur: ({ target }) => show(target),
      onkeydown: (event) => {
        const [down, right] = ARROWS[event.key] || [0, 0];
        if (!down && !right) return;
        event.preventDefault();
        fields[row + down]?.[column + right]?.focus();
      },
    });
    function set(table, { name, fixed = () => false }) {
      if (fields.length !== table.length || fields[0].length !== table[0].length) {
        fields = table.map((line, row) => line.map((_, column) => field(row, column)));
        node.replaceChildren(...fields.flat());
        node.style.setProperty("--columns", table[0].length);
      }
      table.forEach((line, row) => line.forEach((number, column) => {
        const target = fields[row][column];
        const typing = target.matches(":focus") && parse(target.value) === number;
        const label = name(row, column);
        target.readOnly = fixed(row, column);
        if (target.getAttribute("aria-label") !== label) target.setAttribute("aria-label", label);
        if (target.number === number) return;
        target.number = number;
        if (!typing) show(target);
      }));
    }
    return { node, set };
  }

  // Paint a table on a canvas, one canvas pixel a cell; figure.css scales it without smoothing.
  // rgb(row, column) is a cell's colour.
  function paint(canvas, rows, columns, rgb) {
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = Math.max(1, columns);
      canvas.height = Math.max(1, rows);
    }
    const picture = new ImageData(canvas.width, canvas.height);
    const bytes = picture.data;
    for (let row = 0, place = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1, place += 4) {
        [bytes[place], bytes[place + 1], bytes[place + 2]] = rgb(row, column);
        bytes[place + 3] = 255;
      }
    }
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  // "1 0; 0 1" ↔ [[1, 0], [0, 1]]: how tables travel between Python and the page.
  const toTable = (rows) => rows.split(";").map((row) => row.trim().split(/\s+/).map(Number));
  const toRows = (table) => table.map((row) => row.join(" ")).join("; ");

  // ---- when to draw ---------------------------------------------------------------------------

  // Call `draw` at once when the event that asks for it is over, so that it is ready when the frame
  // comes; and if more is asked for until then, once more in that frame.
  function oncePerFrame(draw) {
    let waiting = false; // for the frame
    let again = false;
    return () => {
      if (waiting) { again = true; return; }
      waiting = true;
      queueMicrotask(draw);
      requestAnimationFrame(() => {
        waiting = false;
        if (again) { again = false; draw(); }
      });
    };
  }

  // Call `draw` when one of the traits changes, from the page or from Python. Returns the undo.
  function onChange(model, names, draw) {
    names.forEach((name) => model.on(`change:${name}`, draw));
    return () => names.forEach((name) => model.off(`change:${name}`, draw));
  }

  const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ---- colour ---------------------------------------------------------------------------------

  // Dark or light: what JupyterLab, Sphinx, Colab and VS Code say, else the reader's system.
  function isDark() {
    for (const node of [document.body, document.documentElement]) {
      if (node.dataset.jpThemeLight) return node.dataset.jpThemeLight === "false";
      const theme = node.dataset.theme || node.getAttribute("theme");
      if (theme === "dark" || theme === "light") return theme === "dark";
      if (node.classList.contains("vscode-dark")) return true;
      if (node.classList.contains("vscode-light")) return false;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  // Keep root.dataset.theme right and redraw when it changes. Returns the undo.
  function followTheme(root, draw) {
    const update = () => {
      const theme = isDark() ? "dark" : "light";
      if (root.dataset.theme === theme) return;
      root.dataset.theme = theme;
      draw();
    };
    const system = matchMedia("(prefers-color-scheme: dark)");
    const page = new MutationObserver(update);
    system.addEventListener("change", update);
    page.observe(document.documentElement, { attributes: true });
    page.observe(document.body, { attributes: true });
    update();
    // A notebook renders a figure before it puts it on the page, where its colours are known.
    let gone = false;
    const arrive = () => {
      if (root.isConnected) draw();
      else if (!gone) requestAnimationFrame(arrive);
    };
    if (!root.isConnected) requestAnimationFrame(arrive);
    return () => { gone = true; page.disconnect(); system.removeEventListener("change", update); };
  }

  // A colour of figure.css, as [red, green, blue] in 0…255: colour(root, "input").
  function colour(root, name) {
    const hex = getComputedStyle(root).getPropertyValue(`--${name}`).trim();
    return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  }

  const mix = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);
  const css = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;

  // Signed values: t in [-1, 1], the ground colour at zero, purple below and green above.
  function diverging(root) {
    const [zero, below, above] = ["ground", "below", "above"].map((name) => colour(root, name));
    return (t) => mix(zero, t < 0 ? below : above, Math.min(1, Math.abs(t)));
  }

  // Magnitudes: t in [0, 1] along matplotlib's cividis, in five steps.
  const CIVIDIS = [[0, 34, 78], [65, 77, 107], [124, 123, 120], [188, 175, 111], [254, 232, 56]];
  function cividis(t) {
    const place = Math.min(1, Math.max(0, t)) * (CIVIDIS.length - 1);
    const low = Math.min(CIVIDIS.length - 2, Math.floor(place));
    return mix(CIVIDIS[low], CIVIDIS[low + 1], place - low);
  }

  // ---- numbers --------------------------------------------------------------------------------

  // Whole numbers and short decimals in full, 0.111… as 1/9, the rest to three decimals;
  // with the minus sign of typography.
  function format(number) {
    let text = String(Number(number.toFixed(3)));
    if (Number(text) !== number && Math.abs(number) < 1) {
      for (let under = 3; under <= 25; under += 1) {
        const over = Math.round(number * under);
        if (over && Math.abs(over / under - number) < 1e-9) { text = `${over}/${under}`; break; }
      }
    }
    return text.replace("-", "−");
  }

  // What a reader typed: "3", "-0.5", "−2", "1/9". NaN when it is not a number.
  function parse(text) {
    const [over, under = "1", ...rest] = text.replace("−", "-").split("/").map((s) => s.trim());
    if (!over || !under || rest.length) return NaN;
    const number = Number(over) / Number(under);
    return Number.isFinite(number) ? number : NaN;
  }

  // ---- a page without a kernel ----------------------------------------------------------------

  // The same interface as the model of a notebook.
  function staticModel(state) {
    const values = { ...state };
    const listeners = {};
    return {
      get: (name) => values[name],
      set(name, value) {
        if (values[name] === value) return;
        values[name] = value;
        [...(listeners[`change:${name}`] || [])].forEach((listener) => listener());
      },
      on(event, listener) { (listeners[event] ||= []).push(listener); },
      off(event, listener) {
        listeners[event] = (listeners[event] || []).filter((other) => other !== listener);
      },
      save_changes() {},
    };
  }

  // Wake up every figure of the page: picture and state out, live figure in.
  const figures = {};
  function hydrate() {
    const islands = 'script[type="application/vnd.cnnbook.figure+json"]';
    for (const island of document.querySelectorAll(islands)) {
      const { fig, state } = JSON.parse(island.textContent);
      if (!figures[fig]) continue;
      const place = island.parentElement;
      place.cnnbookModel = staticModel(state);
      figures[fig].render({ model: place.cnnbookModel, el: place });
    }
    globalThis.cnnbookFigures = figures;
  }

  return {
    ARROWS, button, cells, cividis, colour, css, diverging, element, figure, figures, followTheme,
    format, hydrate, live, mix, onChange, oncePerFrame, paint, parse, reducedMotion, select, slider,
    staticModel, svg, toRows, toTable,
  };
})();
