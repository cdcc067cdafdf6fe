// The arithmetic of cnnbook.models.SmallCNN, for every figure that runs it: forward
// and backward, in plain loops.
// Figures that begin with "// uses kit/network.js" get this file behind the kit.
const smallNetwork = (() => {
  const LAYERS = ["input", "conv1", "pool1", "conv2", "pool2", "logits"]; // each made from the last
  /** @type {Record<string, number[]>} */
  const SHAPES = { // channels, rows, columns
    input: [1, 28, 28], conv1: [8, 28, 28], pool1: [8, 14, 14], conv2: [16, 14, 14],
    pool2: [16, 7, 7], logits: [10, 1, 1],
  };
  const SIDE = 28; // rows and columns of the picture
  const [MEAN, STD] = [0.286, 0.353]; // of the training pictures, as cnnbook.data has them
  const below = (layer) => LAYERS[LAYERS.indexOf(layer) - 1];

  // Values lie in one long array: channel after channel, row after row.

  const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const toBase64 = (pixels) => btoa(String.fromCharCode(...pixels));

  // A number of 16 bits: a sign, 5 bits for the power of two, 10 for the fraction.
  function float16(bits) {
    const [sign, power, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (power === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (power - 15);
  }

  // The weights and biases, in the order in which torch keeps them.
  function decode(base64) {
    const raw = bytes(base64);
    const numbers = Float32Array.from({ length: raw.length / 2 },
      (_, place) => float16(raw[2 * place] + 256 * raw[2 * place + 1]));
    let start = 0;
    const take = (count) => { start += count; return numbers.subarray(start - count, start); };
    const layer = (outputs, inputs) => ({ weight: take(outputs * inputs), bias: take(outputs) });
    return { conv1: layer(8, 9), conv2: layer(16, 8 * 9), logits: layer(10, 16 * 49) };
  }

  const normalise = (pixel) => (pixel / 255 - MEAN) / STD;

  // 3 × 3 convolution, stride 1, one ring of zeros around the input; then ReLU. Weight by weight:
  // the input, moved by one row or column and multiplied by the weight, is added to the output.
  function convolve(input, shape, { weight, bias }) {
    const [channels, rows, columns] = shape;
    const output = new Float32Array(bias.length * rows * columns);
    let next = 0;
    for (let filter = 0; filter < bias.length; filter += 1) {
      const start = filter * rows * columns;
      output.fill(bias[filter], start, start + rows * columns);
      for (let channel = 0; channel < channels; channel += 1) {
        for (let i = -1; i <= 1; i += 1) {
          for (let j = -1; j <= 1; j += 1, next += 1) {
            const factor = weight[next];
            for (let row = Math.max(0, -i); row < Math.min(rows, rows - i); row += 1) {
              const [to, from] = [start + row * columns, (channel * rows + row + i) * columns + j];
              const end = Math.min(columns, columns - j);
              for (let column = Math.max(0, -j); column < end; column += 1) {
                output[to + column] += factor * input[from + column];
              }
            }
          }
        }
      }
    }
    return output.map((value) => Math.max(0, value));
  }

  // The largest of every 2 × 2 values.
  function pool(input, shape) {
    const [channels, rows, columns] = shape;
    const output = new Float32Array(channels * (rows / 2) * (columns / 2));
    for (let line = 0, place = 0; line < channels * rows; line += 2) {
      for (let column = 0; column < columns; column += 2, place += 1) {
        const first = line * columns + column;
        output[place] = Math.max(input[first], input[first + 1],
          input[first + columns], input[first + columns + 1]);
      }
    }
    return output;
  }

  // Every input times its own weight, for each output.
  function connect(input, { weight, bias }) {
    return Float32Array.from(bias, (start, output) =>
      input.reduce((sum, value, place) =>
        sum + value * weight[output * input.length + place], start));
  }

  function softmax(logits) {
    const most = Math.max(...logits); // e to a large power would leave the range of numbers
    const powers = [...logits].map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }

  // Layer by layer, all values of all layers for 784 normalised inputs; conv1 and conv2 are behind
  // their ReLU. Between two layers one may do something else.
  function* layers(network, input) {
    const conv1 = convolve(input, SHAPES.input, network.conv1);
    yield;
    const pool1 = pool(conv1, SHAPES.conv1);
    const conv2 = convolve(pool1, SHAPES.pool1, network.conv2);
    yield;
    const pool2 = pool(conv2, SHAPES.conv2);
    const logits = connect(pool2, network.logits);
    return { input, conv1, pool1, conv2, pool2, logits, softmax: softmax(logits) };
  }

  // The same at once.
  function run(network, input) {
    const steps = layers(network, input);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    return step.value;
  }

  // The same for a picture of 784 pixels, 0 … 255.
  const forward = (network, pixels) => run(network, Float32Array.from(pixels, normalise));

  // Back through ReLU and convolution: `gradient` by the output becomes the gradient by the input.
  function convolveBack(gradient, output, shape, { weight, bias }) {
    const [channels, rows, columns] = shape;
    const result = new Float32Array(channels * rows * columns);
    // what ReLU let through
    const open = gradient.map((value, place) => (output[place] > 0 ? value : 0));
    let next = 0;
    for (let filter = 0; filter < bias.length; filter += 1) {
      const start = filter * rows * columns;
      for (let channel = 0; channel < channels; channel += 1) {
        for (let i = -1; i <= 1; i += 1) {
          for (let j = -1; j <= 1; j += 1, next += 1) {
            const factor = weight[next];
            for (let row = Math.max(0, -i); row < Math.min(rows, rows - i); row += 1) {
              const [from, to] = [start + row * columns, (channel * rows + row + i) * columns + j];
              const end = Math.min(columns, columns - j);
              for (let column = Math.max(0, -j); column < end; column += 1) {
                result[to + column] += factor * open[from + column];
              }
            }
          }
        }
      }
    }
    return result;
  }

  // Back through pooling: only the first of the largest of each 2 × 2 values gets the gradient.
  function poolBack(gradient, input, shape) {
    const [channels, rows, columns] = shape;
    const result = new Float32Array(input.length);
    for (let line = 0, place = 0; line < channels * rows; line += 2) {
      for (let column = 0; column < columns; column += 2, place += 1) {
        const first = line * columns + column;
        const four = [first, first + 1, first + columns, first + columns + 1];
        const best = four.reduce((most, other) => (input[other] > input[most] ? other : most));
        result[best] = gradient[place];
      }
    }
    return result;
  }

  // The gradient of the logit of class `target` by every value of every layer.
  function backward(network, values, target) {
    const pool2 = network.logits.weight.slice(784 * target, 784 * (target + 1));
    const conv2 = poolBack(pool2, values.conv2, SHAPES.conv2);
    const pool1 = convolveBack(conv2, values.conv2, SHAPES.pool1, network.conv2);
    const conv1 = poolBack(pool1, values.conv1, SHAPES.conv1);
    const input = convolveBack(conv1, values.conv1, SHAPES.input, network.conv1);
    return { input, conv1, pool1, conv2, pool2 };
  }

  return {
    LAYERS, MEAN, SHAPES, SIDE, STD, backward, below, bytes, decode, forward, layers, normalise,
    run, toBase64,
  };
})();
