// Turns measured times into a report: ratios, whether the detections agree, a table, a text.

const STAGES = ["preprocess", "network", "postprocess", "readback", "total"];
const TIMES = ["Preprocess", "Network", "Postprocess", "Read back", "Total"];
const COLUMNS = ["Engine", ...TIMES, "÷ ours", "network ÷ ours", "First run"];

// The same detection has at least this IoU and at most this difference in score.
const LIMITS = { f32: [0.99, 1e-3], f16: [0.95, 1e-2] };

const NOTES = [
  "Total: wall clock of the page, from a decoded picture to boxes, with the way to our worker and back.",
  "Our engines: preprocess, network and postprocess by the clock of the device; read back is the rest of the worker's",
  "time. onnxruntime-web: preprocess (canvas, two-tap bilinear, normalisation) is JavaScript, postprocess is that of",
  "'CPU, wasm'. Its network on WebGPU is measured apart: several runs and one wait, without upload and read-back; its",
  "read back is the time from the upload of the pixels to the predictions in memory, less that network.",
];

/** The result as data, the table's columns and rows, and the text. */
export function summary(environment, plan, { address, image, header, thresholds }, engines) {
  const measured = engines.filter(({ error }) => !error);
  for (const { stages } of measured) splitInference(stages);
  const base = measured.find(({ engine }) => !engine.startsWith("ort"));
  const ratio = (stage, { stages }) =>
    base && stages[stage] && base.stages[stage] && stages[stage].median / base.stages[stage].median;
  const { runs, warmup, picture } = plan;
  const result = {
    ...environment,
    picture: { file: picture, width: image.width, height: image.height },
    model: { weights: address, arch: header.arch, inputSize: header.input_size, classes: header.labels.length + 1 },
    runs,
    warmup,
    thresholds,
    comparedWith: base?.engine ?? null,
    engines: engines.map((entry) => (entry.error ? entry : {
      ...entry,
      ratios: { total: ratio("total", entry) ?? null, network: ratio("network", entry) ?? null },
      agreement: base && entry !== base ? agreement(base, entry) : null,
    })),
    notes: NOTES,
  };
  return { result, columns: COLUMNS, rows: result.engines.map(row), text: words(result) };
}

// For engines that time network and read-back only together. On a busy machine the network measured apart can be slower
// than both together; then that smaller time counts.
function splitInference(stages) {
  if (!stages.inference) return;
  if (!(stages.network?.median < stages.inference.median)) stages.network = stages.inference;
  const rest = (name) => Math.max(0, stages.inference[name] - stages.network[name]);
  stages.readback = { median: rest("median"), p95: rest("p95"), min: rest("min") };
}

// Pairs the detections of two engines, label by label, and measures how far the pairs are apart.
function agreement(one, other) {
  const half = [one, other].some(({ info }) => info?.precision === "f16");
  const [iouLimit, scoreLimit] = LIMITS[half ? "f16" : "f32"];
  const left = [...other.detections];
  let [pairs, iou, score] = [0, 1, 0];
  for (const detection of one.detections) {
    const overlaps = left.map(({ label, box }) => (label === detection.label ? overlap(box, detection.box) : 0));
    const best = overlaps.indexOf(Math.max(0, ...overlaps));
    if (best < 0 || overlaps[best] < 0.5) continue;
    const [partner] = left.splice(best, 1);
    pairs += 1;
    iou = Math.min(iou, overlaps[best]);
    score = Math.max(score, Math.abs(partner.score - detection.score));
  }
  const counts = [one.detections.length, other.detections.length];
  const agrees = counts.every((count) => count === pairs) && iou >= iouLimit && score <= scoreLimit;
  const limits = { iou: iouLimit, score: scoreLimit };
  return { agrees, counts, pairs, smallestIou: iou, largestScoreDifference: score, limits };
}

function overlap(a, b) {
  const common = (start, length) =>
    Math.max(0, Math.min(a[start] + a[length], b[start] + b[length]) - Math.max(a[start], b[start]));
  const both = common("x", "width") * common("y", "height");
  return both / (a.width * a.height + b.width * b.height - both);
}

const number = (value) => value.toFixed(value < 10 ? 2 : value < 1000 ? 1 : 0);
const times = (value) => (value ? `${value.toFixed(2)} ×` : "–");

function row({ title, error, stages, ratios, firstMs }) {
  if (error) return { title, failure: error };
  const both = (stage) => (stages[stage] ? `${number(stages[stage].median)} (${number(stages[stage].p95)})` : "–");
  return { title, cells: [...STAGES.map(both), times(ratios.total), times(ratios.network), number(firstMs)] };
}

const SOFTWARE = " (software, so its times mean little)";

function words(result) {
  const { model, picture, thresholds } = result;
  const lines = [
    `${result.date}, ${result.browser}`,
    `Adapter: ${result.adapter ?? "none"}${result.software ? SOFTWARE : ""}; f16: ${result.f16 ? "yes" : "no"}`,
    `${model.arch}, ${model.classes} classes, ${model.weights}; ${picture.file}, ${picture.width} x ${picture.height}`,
    `score ${thresholds.score}; ${result.runs} runs after ${result.warmup}`,
    "",
  ];
  for (const entry of result.engines) lines.push(...engineWords(entry, result));
  return [...lines, "", ...NOTES].join("\n");
}

function engineWords(entry, { comparedWith }) {
  const { title, engine, error, stages, ratios, agreement, detections, readbackBytes, info } = entry;
  if (error) return [`${title}: failed. ${error}`];
  const parts = STAGES.filter((stage) => stages[stage]).map((stage) => `${stage} ${number(stages[stage].median)}`);
  const lines = [
    `${title}: ${parts.join(", ")} ms`,
    `  p95 of total ${number(stages.total.p95)} ms; ${detections.length} detections; ${readbackBytes} bytes read back`,
  ];
  if (engine.startsWith("ort")) lines.push(`  settings: ${info.settings}`);
  if (!agreement) return lines;
  lines.push(`  ${times(ratios.total)} the total and ${times(ratios.network)} the network time of ${comparedWith}`);
  const { agrees, counts, pairs, smallestIou, largestScoreDifference } = agreement;
  const scores = largestScoreDifference.toExponential(1);
  const apart = `IoU at least ${smallestIou.toFixed(4)}, scores at most ${scores} apart`;
  const verdict = agrees ? "the same detections" : "NOT the same detections";
  if (!counts[0] && !counts[1]) lines.push("  neither finds anything, which proves little: lower the score");
  else lines.push(`  ${verdict}: ${pairs} pairs of ${counts[0]} and ${counts[1]}, ${apart}`);
  return lines;
}
