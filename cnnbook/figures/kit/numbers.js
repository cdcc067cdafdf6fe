// numbers.js: tables of numbers, and how numbers are written and read.

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.max(least, Math.min(value, most));

/** The largest absolute value, and never 0, so that one can divide by it. */
const largest = (numbers) => numbers.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-12);

/** [[value(0, 0), value(0, 1), …], …] */
const tableOf = (rows, columns, value) => Array.from({ length: rows },
  (_, row) => Array.from({ length: columns }, (__, column) => value(row, column)));

// "1 0; 0 1" ↔ [[1, 0], [0, 1]]: how tables travel between Python and the page.
const toTable = (rows) => rows.split(";").map((row) => row.trim().split(/\s+/).map(Number));
const toRows = (table) => table.map((row) => row.join(" ")).join("; ");

const minus = (text) => text.replace("-", "−"); // the sign of typography

/** So many decimals, and no "−0.00". */
const digits = (number, decimals = 2) =>
  minus((Number(number.toFixed(decimals)) + 0).toFixed(decimals));

/** 60,000: whole numbers with their thousands told apart. */
const counted = (number) => minus(Math.round(number).toLocaleString("en-US"));

/** 0.8 as 80%. */
const percent = (share, decimals = 0) => `${(100 * share).toFixed(decimals)}%`;

// Whole numbers and short decimals in full, 0.111… as 1/9, the rest to three decimals.
function format(number) {
  let text = String(Number(number.toFixed(3)));
  if (Number(text) !== number && Math.abs(number) < 1) {
    for (let under = 3; under <= 25; under += 1) {
      const over = Math.round(number * under);
      if (over && Math.abs(over / under - number) < 1e-9) { text = `${over}/${under}`; break; }
    }
  }
  return minus(text);
}

/** The same for a factor: (−2). */
const bracketed = (number) => (number < 0 ? `(${format(number)})` : format(number));

// What a reader typed: "3", "-0.5", "−2", "1/9". NaN when it is not a number.
function parse(text) {
  const [over, under = "1", ...rest] = text.replace("−", "-").split("/").map((s) => s.trim());
  if (!over || !under || rest.length) return NaN;
  const number = Number(over) / Number(under);
  return Number.isFinite(number) ? number : NaN;
}
