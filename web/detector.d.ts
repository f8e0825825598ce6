/** What a rejection of this module is: an `Error` whose `message` is one sentence and whose `name` is one of these. */
export type DetectorErrorName =
  | "WebGpuUnavailable"
  | "WeightsInvalid"
  | "SourceInvalid"
  | "DeviceLost"
  | "Disposed";

export interface Progress {
  /** In this order: `weights` (bytes), `runtime`, `parse`, `device`, `convert` (a public checkpoint alone), `upload`, `compile`, `ready`. */
  stage: string;
  /** Bytes so far in stage `weights`, tensors in `convert`, kernels in `compile`; 0 elsewhere, 1 when ready. */
  loaded: number;
  /** Null where it is not known. */
  total: number | null;
}

export interface LoadOptions {
  /**
   * An address (relative to the document), or the file itself: a weights file of this project, or a public checkpoint (`.pth`,
   * `.safetensors`) of a known layout, which is converted. Of a Blob only parts are read; an ArrayBuffer is copied, not taken away.
   */
  weights: string | ArrayBuffer | Blob;
  /** Class names, background left out, in place of those of the file; a checkpoint often has none. As many as there are classes. */
  labels?: string[];
  /** What the weights have to hash to, in hex. Not checked where the page is not secure. */
  sha256?: string;
  /**
   * Whether weights of 25 MB and more from an address may lie in this origin's Cache Storage (`ssd-weights`, at most 1 GB), so that
   * they are fetched once. Default: true. `storage.js` says what is there and clears it.
   */
  cache?: boolean;
  /**
   * `auto` (the default) takes WebGPU where it works and the CPU elsewhere, with the reason in `info.fallbackReason`.
   * `webgpu` rejects with `WebGpuUnavailable` where it does not work.
   */
  backend?: "auto" | "webgpu" | "cpu";
  /** `own` (the default) is our kernels, `burn` the tensor library's forward, which they are measured against. */
  engine?: "own" | "burn";
  /** Of our kernels' numbers. `auto` (the default) takes f16 where the adapter has it and finds the same as f32. */
  precision?: "auto" | "f32" | "f16";
  onProgress?: (progress: Progress) => void;
}

export interface DetectOptions {
  /** Only what scores above this counts, 0..1. Default: `info.defaults.score`. */
  score?: number;
  /** Overlap (intersection over union) above which NMS drops the weaker box, 0..1. Default: `info.defaults.iou`. */
  iou?: number;
  nms?: "hard" | "soft";
  /** Candidates of each class that enter NMS. Default: `info.defaults.topK`. */
  topK?: number;
  /** Most detections that are returned. Default: `info.defaults.max`. */
  maxDetections?: number;
  /** Labels to look for. Absent: all of them; an empty list: none. */
  classes?: string[];
}

export interface Detection {
  label: string;
  /** From 1; 0 is background and never appears. */
  classIndex: number;
  /** 0..1 */
  score: number;
  /** In pixels of the source, clipped to it. */
  box: { x: number; y: number; width: number; height: number };
}

export interface Result {
  /** Best first. */
  detections: Detection[];
  /** Size of the source in pixels. */
  width: number;
  height: number;
  /**
   * Milliseconds. `preprocess`, `network` and `postprocess` are by the clock of the device that did them, `readback` is the rest
   * of the wait, `total` runs from the picture's arrival in the worker to the result.
   */
  timing: { preprocess: number; network: number; postprocess: number; readback: number; total: number };
  /** Bytes copied from the graphics device for this result. */
  readbackBytes: number;
  /** Boxes that went into NMS; null on the CPU, which does not count them. */
  candidates: number | null;
  /** Bytes held at present: by our kernels on the graphics device (null where others compute), and by the wasm module. */
  memory: { gpu: number | null; wasm: number };
}

export interface DetectorInfo {
  arch: string;
  labels: string[];
  inputSize: number;
  backend: "webgpu" | "cpu";
  adapter: string;
  /** Of the numbers of our WGSL kernels; null where they do not compute. */
  precision: "f32" | "f16" | null;
  /** What our WGSL kernels hold on the graphics device, in bytes; null where they do not compute. */
  gpuBytes: number | null;
  provenance: object;
  /** The weights' own thresholds. */
  defaults: { score: number; iou: number; topK: number; max: number };
  /** True where the WebGPU adapter is a program on the processor. */
  software: boolean;
  /** What a public checkpoint was recognised as, in words; null for a weights file of this project. */
  recognised: string | null;
  /** Size of the weights as a file of this project. */
  bytes: number;
  /** Why `auto` took the CPU; null where it did not. */
  fallbackReason: string | null;
}

export interface SelfTestReport {
  passed: number;
  failed: number;
  cases: { name: string; ok: boolean; detail: string }[];
}

export type Source =
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageBitmap
  | ImageData
  | VideoFrame;

export class Detector {
  private constructor();
  /** Fetches the weights, opens the device, compiles the kernels and runs once, so that the first picture is not slow. */
  static load(options: LoadOptions): Promise<Detector>;
  /** The source is read at once and stays the caller's. Calls may overlap; results come in order. */
  detect(source: Source, options?: DetectOptions): Promise<Result>;
  /**
   * The weights as a file of this project: what a public checkpoint became, or the Blob that was given. Null for a file of this
   * project that came as ArrayBuffer or from an address.
   */
  file(): Promise<Blob | null>;
  /** Runs every GPU kernel against its Rust twin on this adapter. */
  selfTest(): Promise<SelfTestReport>;
  readonly info: DetectorInfo;
  /** Ends the worker and frees the device. Pending and later calls reject with `Disposed`. */
  dispose(): void;
}
