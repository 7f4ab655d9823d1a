/**
 * What the microphone hears, as 16 bit at 8 kHz, in pieces of 20 ms: `{pcm: ArrayBuffer, level: 0…1}`.
 * What comes in has no more than telephones carry: the filters before it see to that.
 */

const RATE = 8000;
const PIECE = 160;

class TalkCapture extends AudioWorkletProcessor {
  constructor() {
    super();
    this._step = sampleRate / RATE;
    /** Where the next sample lies, in samples of what comes in; below 0: between the last one and this. */
    this._at = 0;
    this._last = 0;
    this._piece = new Int16Array(PIECE);
    this._filled = 0;
    this._loudest = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const heard = inputs[0]?.[0];
    if (!heard) return true;
    for (; this._at < heard.length - 1; this._at += this._step) {
      const before = Math.floor(this._at);
      const from = before < 0 ? this._last : heard[before];
      this._take(from + (heard[before + 1] - from) * (this._at - before));
    }
    this._at -= heard.length;
    this._last = heard[heard.length - 1];
    return true;
  }

  /** @param {number} sample  -1 … 1 */
  _take(sample) {
    const clipped = Math.max(-1, Math.min(1, sample));
    this._loudest = Math.max(this._loudest, Math.abs(clipped));
    this._piece[this._filled] = clipped * 32767;
    this._filled += 1;
    if (this._filled < PIECE) return;
    const pcm = this._piece.buffer;
    this.port.postMessage({ pcm, level: this._loudest }, [pcm]);
    this._piece = new Int16Array(PIECE);
    this._filled = 0;
    this._loudest = 0;
  }
}

registerProcessor("talk-capture", TalkCapture);
