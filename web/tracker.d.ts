import type { Detection } from "./detector.js";

export interface Point {
  x: number;
  y: number;
}

/** The rules by which tracks begin, go on and end. One that is left out has its default. */
export interface TrackOptions {
  /** Score from which a detection begins a track where there is none, 0..1. Default: 0.5. */
  strong?: number;
  /** Score from which a weaker detection continues a track, 0..1. Default: 0.1. */
  weak?: number;
  /** Least overlap (intersection over union) of a strong detection with the prediction of its track. Default: 0.2. */
  iouStrong?: number;
  /** The same for a weak detection. Default: 0.5. */
  iouWeak?: number;
  /** The same for a track that is not confirmed yet. Default: 0.3. */
  iouNew?: number;
  /** Frames in a row in which an object has to be seen for its track to be confirmed. Default: 2. */
  confirm?: number;
  /** Seconds after which a track ends that is not seen any more. Default: 1. */
  lostSeconds?: number;
  /** Seconds beyond the last frame for which `at` predicts boxes; after that they stay. Default: 0.5. */
  aheadSeconds?: number;
  /** Positions of a track's past that are kept. Default: 64. */
  trail?: number;
  /** Standard deviation of a detected position, in heights of the box. Default: 0.05. */
  noise?: number;
  /** How far an object strays from a steady course in a second, in heights. Default: 0.27. */
  drift?: number;
  /** How much its speed changes in a second, in heights a second. Default: 1. */
  agility?: number;
  /** How fast it may be when it is first seen, in heights a second. Default: 2. */
  speed?: number;
  /** Standard deviation of a detected aspect, width by height. Default: 0.1. */
  aspectNoise?: number;
  /** How much the aspect changes in a second. Default: 0.055. */
  aspectDrift?: number;
}

/** A detection that belongs to a track. Its `box` is as detected. */
export interface TrackedDetection extends Detection {
  /** The number of the track, from 1; never given twice. */
  track: number;
  /** Whether the object was seen in enough frames to be believed and counted. */
  confirmed: boolean;
  /** The smooth box, in pixels; it may reach beyond the picture. */
  smooth: Detection["box"];
  /** Where its centre was whenever it was seen, oldest first, the present included. */
  trail: Point[];
}

/** Follows objects from frame to frame. What it does not take is an `Error` whose `message` is a sentence. */
export class Tracker {
  /** Loads the WebAssembly, once; to be awaited before the first tracker is made. */
  static load(): Promise<typeof Tracker>;
  constructor(options?: TrackOptions);
  /** Changes rules from the next frame on. */
  set(options: TrackOptions): void;
  /** What to ask the detector for (`score`), so that weak detections continue tracks. */
  readonly leastScore: number;
  /**
   * Takes the detections of a frame and its time in seconds, which may not go back; frames may be uneven. Returns those
   * that belong to a track, in their order: every strong one, and weak ones that continue a track.
   */
  update(detections: Detection[], time: number): TrackedDetection[];
  /** The confirmed tracks of the last frame, where they should be at a time after it. */
  at(time: number): { track: number; smooth: Detection["box"] }[];
  /** Where a track has been. */
  trail(track: number): Point[];
  /** How many objects of each class are seen now, and how many there were, each once. */
  counts(): { label: string; classIndex: number; now: number; total: number }[];
  /** Counts from now on at a line (two points, in pixels) or a region (its corners). Returns what `passed` asks for. */
  countAt(points: Point[]): number;
  /**
   * How many passed, each once in a direction: `forward` over a line from its left to its right, seen along it, or into
   * a region; `back` the other way.
   */
  passed(counter: number): { label: string; classIndex: number; forward: number; back: number }[];
  /** Ends that count. */
  forget(counter: number): void;
  /** Frees the memory. */
  dispose(): void;
}
