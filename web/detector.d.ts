/**
 * Rejections of this module are an `Error` whose `message` is one sentence and whose `name` is one of these; an aborted
 * call rejects with the reason of its signal. `SourceInvalid` is for pictures and options; an unknown option is refused
 * by name. `DeviceLost` is for a worker, WebAssembly or device that did not start or stopped working.
 */
export type DetectorErrorName = "WebGpuUnavailable" | "WeightsInvalid" | "SourceInvalid" | "DeviceLost" | "Disposed";

export interface Progress {
  /** `weights`, `runtime`, `parse`, `device`, `convert` (public checkpoints only), `upload`, `compile`, `ready`. */
  stage: string;
  /** So far: bytes in stage `weights`, tensors in `convert`, kernels in `compile`; 0 elsewhere, 1 when ready. */
  loaded: number;
  /** Null if unknown. */
  total: number | null;
}

/** An option that is left out, null or undefined has its default. */
export interface LoadOptions {
  /**
   * An address (relative to the document or worker), or the file itself: a weights file of this project, or a public
   * checkpoint (`.pth`, `.safetensors`, `.tflite`) in a known layout, which is converted. Only parts of a Blob are in
   * memory; bytes are copied. Loads of one address at a time share its download.
   */
  weights: string | URL | ArrayBuffer | ArrayBufferView | Blob;
  /** Class names without background, one for each class, to replace those of the file. Checkpoints often have none. */
  labels?: string[];
  /** The SHA-256 that the weights must have, in hex. Insecure pages cannot check it. */
  sha256?: string;
  /**
   * Whether weights of 25 MB and more from an address are kept in this origin's Cache Storage (`ssd-weights`, at most
   * 1 GB), so that they are downloaded once. Default: true. `storage.js` lists and clears them.
   */
  cache?: boolean;
  /**
   * `auto` (the default) takes WebGPU where it works and the CPU elsewhere, with the reason in `info.fallbackReason`.
   * `webgpu` rejects with `WebGpuUnavailable` where it does not work.
   */
  backend?: "auto" | "webgpu" | "cpu";
  /**
   * `own` (the default) is this project's kernels, `burn` the tensor library's forward, their reference: a program of
   * its own (`burn/`), four times as large, which a bundler does not pack.
   */
  engine?: "own" | "burn";
  /** The number type of our kernels. `auto` (the default) takes f16 where it is available and detects what f32 does. */
  precision?: "auto" | "f32" | "f16";
  /** Aborts loading, at any stage. A download that no other load waits for ends two seconds later. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** An option that is left out, null or undefined has the weights' default: `info.defaults`. */
export interface DetectOptions {
  /** Detections have a score above this, 0..1. */
  score?: number;
  /** Overlap (intersection over union) above which hard NMS drops the weaker of two boxes, 0..1. */
  iou?: number;
  /** `hard` drops overlapping boxes, `soft` lowers their scores. */
  nms?: "hard" | "soft";
  /** The number of candidates of each class that enter NMS, 1..512. */
  topK?: number;
  /** The largest number of detections, from 1. More than 512 is 512. */
  maxDetections?: number;
  /** The labels to look for; an empty list finds nothing. Default: all labels. */
  classes?: string[];
  /**
   * Also looks at overlapping windows of the picture, for small objects in large pictures: `auto` takes windows as
   * large as the network's input (none of a picture up to one and a half times that), a number so many along the longer
   * side, up to 1000. What is found in all of them and in the whole picture is joined. It takes as many times longer as
   * there are windows. Two of them are in memory at once beside the picture, and other calls may come between them. The
   * source has to stay open until the result. `decode` does not use it. Default: the picture as a whole.
   */
  tiles?: "auto" | number;
  /** With `tiles`: ends the call between two windows. */
  signal?: AbortSignal;
  /** With `tiles`: called after each window; the whole picture counts as one, the last. */
  onProgress?: (progress: { done: number; total: number }) => void;
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
   * Milliseconds. `preprocess`, `network` and `postprocess` are by the clock of the device that did them, `readback` is
   * the rest of the wait, `total` is from the picture's arrival in the worker to the result.
   */
  timing: { preprocess: number; network: number; postprocess: number; readback: number; total: number };
  /** Bytes copied from the graphics device for this result. */
  readbackBytes: number;
  /** Boxes that entered NMS; null on the CPU, where they are not counted. */
  candidates: number | null;
  /** Bytes in use: by our kernels on the graphics device (null where they do not run), and by the wasm module. */
  memory: { gpu: number | null; wasm: number };
}

export interface DetectorInfo {
  arch: string;
  labels: string[];
  /** Side of the network's square input in pixels. */
  inputSize: number;
  /** Priors of the network: the rows of its predictions. */
  priors: number;
  backend: "webgpu" | "cpu";
  adapter: string;
  /** The number type of our WGSL kernels; null where they do not run. */
  precision: "f32" | "f16" | null;
  /** Bytes that our WGSL kernels hold on the graphics device; null where they do not run. */
  gpuBytes: number | null;
  provenance: object;
  /** The weights' own values of the options of `detect`. `max` is `maxDetections`, as the weights file calls it. */
  defaults: Required<Pick<DetectOptions, "score" | "iou" | "nms" | "topK" | "maxDetections">> & { max: number };
  /** True if the WebGPU adapter is software on the CPU. */
  software: boolean;
  /** False if the adapter has no clock: then `timing.network` is all of its work, and the stages around it are 0. */
  stageTimes: boolean;
  /** What a public checkpoint was recognised as, in words; null for a weights file of this project. */
  recognised: string | null;
  /** Size of the weights as a file of this project. */
  bytes: number;
  /** Why `auto` took the CPU, at the start or after the GPU was lost twice within a minute; null if it did not. */
  fallbackReason: string | null;
}

export interface SelfTestReport {
  passed: number;
  failed: number;
  cases: { name: string; ok: boolean; detail: string }[];
}

export type Source =
  HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas | ImageBitmap | ImageData | VideoFrame;

/** What a network computes from a picture of `width` x `height` pixels. */
export interface Predictions {
  /** `[priors, 4]`, row by row. */
  offsets: Float32Array;
  /** `[priors, 1 + labels]`, row by row; background comes first. */
  logits: Float32Array;
  width: number;
  height: number;
}

/** A picture to learn from, and all objects in it that have to be found. */
export interface TeachSample {
  /** What a browser makes a bitmap of, or a function that returns or promises it, called when its turn comes. */
  source: ImageBitmapSource | (() => ImageBitmapSource | Promise<ImageBitmapSource>);
  /** In pixels of the picture as it is shown. Without a box, everything in the picture is background. */
  boxes: { label: string; x: number; y: number; width: number; height: number }[];
}

/** An option that is left out, null or undefined has its default. */
export interface TeachOptions {
  /**
   * Whether the classes of the boxes are added to those that the detector knows, which stay exactly as they are. Needs
   * weights with sigmoid scores, such as TensorFlow's. Default: false, the boxes' classes replace all.
   */
  keepClasses?: boolean;
  /** Default: 200. */
  steps?: number;
  /** Of the crops and the order of the pictures: the same seed makes the same detector. Default: 1. */
  seed?: number;
  signal?: AbortSignal;
  /** `features` counts pictures, `learn` steps. `loss` is null in stage `features`. */
  onProgress?: (progress: { stage: "features" | "learn"; done: number; total: number; loss: number | null }) => void;
}

export class Detector {
  private constructor();
  /** Fetches the weights, opens the device, compiles the kernels and runs once, so that no picture has to wait. */
  static load(options: LoadOptions): Promise<Detector>;
  /**
   * The source remains the caller's. Calls may overlap; results come in order. It is read at once while fewer than
   * eight pictures are held; after that when its turn comes, so that it has to stay open until its result. Of a video
   * only the newest frame waits, and earlier calls that wait get its result; of VideoFrames, too, but earlier calls
   * reject with `SourceInvalid`.
   */
  detect(source: Source, options?: DetectOptions): Promise<Result>;
  /** Detections from predictions that another runtime computed with this network, on the CPU. */
  decode(predictions: Predictions, options?: DetectOptions): Promise<Result>;
  /** The weights as a file of this project. */
  file(): Promise<Blob>;
  /**
   * Another detector, which has learned from these pictures: the heads, on features of a trunk that stays. It takes
   * seconds, in a worker of its own; `teach.js`, `lab.js`, `lab-worker.js` and `lab/` have to be beside `detector.js`.
   * This one stays as it is.
   */
  teach(samples: TeachSample[], options?: TeachOptions): Promise<Detector>;
  /** Runs every GPU kernel against its Rust twin on this adapter. */
  selfTest(): Promise<SelfTestReport>;
  /** Another object after a lost device was replaced. */
  readonly info: DetectorInfo;
  /** Ends the worker and frees the device. Pending and later calls reject with `Disposed`. */
  dispose(): void;
}
