/**
 * Sound by Web Audio: each piece is decoded, then played right behind the one before it.
 *
 * G.711 is a table of 256 numbers, which needs no decoder and no secure context; AAC and Opus are decoded by WebCodecs.
 * Of now, pieces wait a moment for those after them, so that an uneven way is not heard; a camera's clock that is not ours
 * is followed by playing a little faster or slower. Of the past, each piece says when it is due.
 */

import { findSoundConfiguration } from "belvedere/fmp4";

/** @typedef {import("belvedere/fmp4").Frame} Frame */

/**
 * @typedef {object} SoundRun  one track of sound, told from the one before by being another object
 * @property {string} codec      ulaw, alaw, opus, mp4a.…
 * @property {number} timescale  samples a second
 * @property {number} utc_at_zero
 * @property {Uint8Array} segment  the init segment
 */

/** So many seconds are kept ahead of the ear. */
const TARGET = 0.15;
/** Nearer to the target than this is near enough; farther, it plays so much faster or slower. */
const TOLERANCE = 0.06;
const BEND = 0.03;
/** Farther ahead than this, pieces are left out: nobody wants to hear later and later. */
const MOST = 0.5;
/** What is due this near to the end of the piece before joins it, without a click between them. */
const JOIN = 0.06;
const LAW_OF_CODEC = /** @type {Record<string, (byte: number) => number>} */ ({ ulaw: fromUlaw, alaw: fromAlaw });

/** @type {Map<string, Float32Array>} */
const tables = new Map();

/** @param {string} codec */
function tableOf(codec) {
  let table = tables.get(codec);
  if (!table) {
    table = Float32Array.from({ length: 256 }, (_, byte) => LAW_OF_CODEC[codec](byte) / 32768);
    tables.set(codec, table);
  }
  return table;
}

/** ITU-T G.711, table 2a: sign, three bits of exponent, four of mantissa, all inverted. @param {number} byte */
function fromUlaw(byte) {
  const bits = ~byte & 0xff;
  const size = ((((bits & 0x0f) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return bits & 0x80 ? -size : size;
}

/** ITU-T G.711, table 1a: every other bit inverted; the sign is a one where the sample is positive. @param {number} byte */
function fromAlaw(byte) {
  const bits = byte ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 0x0f) << 4) + 8;
  const size = exponent ? (mantissa + 256) << (exponent - 1) : mantissa;
  return bits & 0x80 ? size : -size;
}

export class Sound {
  /** Whether this page can play this codec so. @param {string} codec */
  static canPlay(codec) {
    return "AudioContext" in window && (codec in LAW_OF_CODEC || (window.isSecureContext && "AudioDecoder" in window));
  }

  /**
   * @param {number} volume  0 to 1
   * @param {() => void} onUnplayable
   */
  constructor(volume, onUnplayable) {
    this._volume = volume;
    this._onUnplayable = onUnplayable;
    /** @type {SoundRun | null} */
    this._run = null;
    /** @type {AudioContext | null} */
    this._context = null;
    /** @type {GainNode | null} */
    this._gain = null;
    /** @type {AnalyserNode | null} */
    this._analyser = null;
    /** @type {AudioDecoder | null} */
    this._decoder = null;
    /** A piece that went into the decoder, and when it is due, in milliseconds of the page; null: they are of now. */
    this._anchor = /** @type {{timestamp: number, due: number} | null} */ (null);
    /** @type {Set<AudioBufferSourceNode>} */
    this._playing = new Set();
    /** When the last piece ends, in seconds of the context. */
    this._end = 0;
    /** How far ahead pieces come, in seconds, smoothed. */
    this._ahead = TARGET;
  }

  /** Whether the browser lets it be heard. It may want a click, or a key, before. */
  get isAwake() {
    return !this._context || this._context.state === "running";
  }

  /** How loud it is just now, 0 to 1: root of the mean of squares. */
  get level() {
    if (!this._analyser) return 0;
    const samples = new Float32Array(this._analyser.fftSize);
    this._analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
  }

  /** To be called where somebody has just clicked, or pressed a key. */
  wake() {
    void this._context?.resume().catch(() => {});
  }

  /** @param {number} volume  0 to 1 */
  setVolume(volume) {
    this._volume = volume;
    // What the ear calls half as loud is a quarter of the pressure.
    if (this._gain) this._gain.gain.value = volume * volume;
  }

  /**
   * @param {SoundRun} run
   * @param {Frame} frame
   * @param {Uint8Array} _fragment  what the frame lies in
   * @param {number | null} dueInMs  when it is to be heard; null: as soon as may be
   */
  push(run, frame, _fragment, dueInMs) {
    if (run !== this._run) this._begin(run);
    if (!this._context) return;
    if (run.codec in LAW_OF_CODEC) {
      const table = tableOf(run.codec);
      this._play([Float32Array.from(frame.data, (byte) => table[byte])], run.timescale, dueInMs);
    } else if (this._decoder?.state === "configured") {
      const timestamp = Math.round((frame.time / run.timescale) * 1e6);
      this._anchor = dueInMs === null ? null : { timestamp, due: performance.now() + dueInMs };
      this._decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data: frame.data }));
    }
  }

  /** Silence, now; what comes next begins anew. */
  flush() {
    for (const node of this._playing) node.stop();
    this._playing.clear();
    // What is in the decoder stays there.
    this._closeDecoder();
    this._run = null;
    this._end = 0;
    this._ahead = TARGET;
  }

  /** Nothing of it remains. At once. */
  close() {
    this.flush();
    void this._context?.close();
    this._context = this._gain = this._analyser = null;
  }

  /** @param {SoundRun} run */
  _begin(run) {
    this.flush();
    this._run = run;
    if (this._context?.sampleRate !== run.timescale) this._open(run.timescale);
    if (run.codec in LAW_OF_CODEC) return;
    const found = findSoundConfiguration(run.segment);
    const decoder = new AudioDecoder({
      output: (data) => this._take(data),
      error: () => {
        if (this._decoder === decoder) this._onUnplayable();
      },
    });
    this._decoder = decoder;
    try {
      decoder.configure({
        codec: run.codec,
        sampleRate: run.timescale,
        numberOfChannels: found?.channels ?? 1,
        ...(found?.description ? { description: found.description.slice() } : {}),
      });
    } catch {
      this._onUnplayable();
    }
  }

  /** A context of the sound's own rate: the browser converts it once, and well, instead of piece by piece. @param {number} rate */
  _open(rate) {
    void this._context?.close();
    this._context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this._analyser = this._context.createAnalyser();
    this._gain = this._context.createGain();
    this._analyser.connect(this._gain).connect(this._context.destination);
    this.setVolume(this._volume);
    this.wake();
  }

  _closeDecoder() {
    if (this._decoder && this._decoder.state !== "closed") this._decoder.close();
    this._decoder = null;
  }

  /** @param {AudioData} data */
  _take(data) {
    const anchor = this._anchor;
    const due = anchor && anchor.due + (data.timestamp - anchor.timestamp) / 1000 - performance.now();
    const channels = Array.from({ length: data.numberOfChannels }, (_, planeIndex) => {
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex, format: "f32-planar" });
      return samples;
    });
    const rate = data.sampleRate;
    data.close();
    this._play(channels, rate, due);
  }

  /**
   * @param {Float32Array[]} channels
   * @param {number} rate
   * @param {number | null} dueInMs
   */
  _play(channels, rate, dueInMs) {
    const context = this._context;
    if (!context || context.state !== "running") return;
    const bend = dueInMs === null ? this._followNow(context) : this._followPicture(context, dueInMs / 1000);
    if (bend === null) return;
    const buffer = context.createBuffer(channels.length, channels[0].length, rate);
    channels.forEach((samples, channel) => buffer.copyToChannel(/** @type {Float32Array<ArrayBuffer>} */ (samples), channel));
    const node = context.createBufferSource();
    node.buffer = buffer;
    node.playbackRate.value = bend;
    node.connect(/** @type {AnalyserNode} */ (this._analyser));
    node.onended = () => this._playing.delete(node);
    this._playing.add(node);
    node.start(this._end);
    this._end += buffer.duration / bend;
  }

  /**
   * Right behind the piece before, as far ahead as is wanted.
   * @param {AudioContext} context
   * @returns {number | null} how fast; null: not at all
   */
  _followNow(context) {
    const ahead = this._end - context.currentTime;
    if (ahead <= 0) {
      this._end = context.currentTime + TARGET;
      this._ahead = TARGET;
      return 1;
    }
    if (ahead > MOST) return null;
    this._ahead += (ahead - this._ahead) / 16;
    return this._ahead > TARGET + TOLERANCE ? 1 + BEND : this._ahead < TARGET - TOLERANCE ? 1 - BEND : 1;
  }

  /**
   * When its picture is there.
   * @param {AudioContext} context
   * @param {number} dueIn  seconds
   * @returns {number | null}
   */
  _followPicture(context, dueIn) {
    if (dueIn < -JOIN) return null;
    const due = context.currentTime + Math.max(dueIn, 0);
    if (Math.abs(due - this._end) > JOIN) this._end = due;
    return 1;
  }
}
