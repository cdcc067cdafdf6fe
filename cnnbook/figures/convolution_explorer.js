// The convolution explorer, minimal: input, kernel, output, sum.
const rowsOf = (text) => text.split(";").map((row) => row.trim().split(/\s+/).map(Number));

function convolve(image, kernel, stride, padding, dilation) {
  const at = (row, column) => (image[row] || [])[column] || 0;
  const size = (input, k) => Math.floor((input + 2 * padding - dilation * (k - 1) - 1) / stride) + 1;
  const rows = Math.max(0, size(image.length, kernel.length));
  const columns = Math.max(0, size(image[0].length, kernel[0].length));
  return Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => {
    let sum = 0;
    kernel.forEach((line, i) => line.forEach((weight, j) => {
      sum += weight * at(row * stride + i * dilation - padding, column * stride + j * dilation - padding);
    }));
    return sum;
  }));
}

function render({ model, el }) {
  const { root, word } = kit.figure(el, model, "convolution_explorer");
  const line = kit.live();
  root.append(line);
  const draw = () => {
    const [row, column] = model.get("position");
    const output = convolve(rowsOf(model.get("image")), rowsOf(model.get("kernel")),
      model.get("stride"), model.get("padding"), model.get("dilation"));
    line.textContent = word("here", { row: row + 1, column: column + 1, value: output[row][column] });
  };
  const undo = kit.onChange(model, ["position", "image", "kernel", "stride", "padding", "dilation"], draw);
  draw();
  return undo;
}
export default { render, convolve };
