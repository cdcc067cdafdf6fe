// board.js: grids of cells: typed into, painted, framed, and pointed at.

/**
 * A table of text fields with one Tab stop: arrow keys move between the fields, typing changes
 * them, Escape puts back what was typed, a double click the number that stood there first.
 * onEdit(row, column, number) is called for each number typed.
 * set(table, { name, fixed }): name(row, column) is a field's accessible name, fixed(row, column)
 * says which fields cannot be changed.
 * @param {(row: number, column: number, number: number) => void} onEdit
 */
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
    ondblclick: ({ target }) => {
      if (!target.readOnly) onEdit(row, column, target.start);
      target.select();
    },
    onkeydown: (event) => {
      if (event.key === "Escape") show(event.target);
      const [down, right] = ARROWS[event.key] || [0, 0];
      if (!down && !right) return;
      event.preventDefault();
      fields[row + down]?.[column + right]?.focus();
    },
  });
  /**
   * @param {number[][]} table
   * @param {{ name: (row: number, column: number) => string,
   *   fixed?: (row: number, column: number) => boolean }} fields
   */
  function set(table, { name, fixed = () => false }) {
    if (fields.length !== table.length || fields[0].length !== table[0].length) {
      fields = table.map((line, row) => line.map((_, column) => field(row, column)));
      node.replaceChildren(...fields.flat());
      node.style.setProperty("--columns", String(table[0].length));
    }
    table.forEach((line, row) => line.forEach((number, column) => {
      const target = fields[row][column];
      const typing = target.matches(":focus") && parse(target.value) === number;
      const label = name(row, column);
      target.readOnly = fixed(row, column);
      if (target.getAttribute("aria-label") !== label) target.setAttribute("aria-label", label);
      if (target.number === number) return;
      target.number = number;
      target.start ??= number;
      if (!typing) show(target);
    }));
  }
  return { node, set };
}

/**
 * Paint a table on a canvas, one canvas pixel a cell; figure.css scales it without smoothing.
 * @param {HTMLCanvasElement} canvas
 * @param {number} rows
 * @param {number} columns
 * @param {(row: number, column: number) => number[]} rgb a cell's colour
 */
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

/**
 * Lay `node` over cells of a grid: from [row, column] on, so many [rows, columns] of them; none,
 * and it is hidden.
 * @param {HTMLElement} node
 * @param {number[]} size rows and columns of the grid
 * @param {number[]} start
 * @param {number[]} extent
 */
function lay(node, size, start, extent) {
  const share = (cells, axis) => `${(100 * cells) / Math.max(1, size[axis])}%`;
  node.style.top = share(start[0], 0);
  node.style.left = share(start[1], 1);
  node.style.height = share(extent[0], 0);
  node.style.width = share(extent[1], 1);
  node.hidden = extent[0] <= 0 || extent[1] <= 0;
  return node;
}

/**
 * Tell where the pointer is over `node`: go([down, right], event), as shares of its height and
 * width. A mouse is followed as it hovers, or, with hover: false, only while it is pressed; a
 * finger where it is put down and drawn along; rest() when it is lifted. Pressing stops the player;
 * while it plays, hovering does nothing.
 * @param {HTMLElement} node
 * @param {(shares: number[], event: PointerEvent) => void} go
 * @param {{ hover?: boolean, play?: { stop(): void, playing(): boolean }, rest?: () => void }}
 *   [options]
 */
function follow(node, go, { hover = true, play, rest } = {}) {
  const move = (event) => {
    const { top, left, height, width } = node.getBoundingClientRect();
    go([(event.clientY - top) / height, (event.clientX - left) / width], event);
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!hover) node.setPointerCapture(event.pointerId);
    play?.stop();
    move(event);
  });
  node.addEventListener("pointermove", (event) => {
    const hovers = hover && event.pointerType === "mouse" && !play?.playing();
    if (hovers || event.buttons & 1) move(event);
  });
  if (rest) ["pointerup", "pointercancel"].forEach((name) => node.addEventListener(name, rest));
}

/**
 * What lies under the pointer, in a shadow root too: under(root, event, "[data-node]").
 * @param {Element} root
 * @param {PointerEvent} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
function under(root, event, selector) {
  const page = /** @type {Document | ShadowRoot} */ (root.getRootNode());
  const found = page.elementFromPoint(event.clientX, event.clientY)?.closest(selector);
  return root.contains(found) ? /** @type {HTMLElement} */ (found) : null;
}
