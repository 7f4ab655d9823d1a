/**
 * A microphone that is open as long as somebody talks, and not a moment longer.
 */

/** A voice ends here; higher would come back as noise when it is carried as a telephone carries it. */
const HIGHEST_HZ = 3400;

/** Why there is no microphone: the names that browsers have for it, and ours. */
const REASONS = /** @type {Record<string, string>} */ ({
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "missing",
  NotReadableError: "taken",
});

export class Microphone {
  /**
   * @param {string} worklet  address of talk-worklet.js
   * @param {(pcm: ArrayBuffer, level: number) => void} onSound
   */
  constructor(worklet, onSound) {
    this._worklet = worklet;
    this._onSound = onSound;
    this._isClosed = false;
    /** @type {MediaStream | null} */
    this._stream = null;
    /** @type {AudioContext | null} */
    this._context = null;
  }

  /** Whether this page may ask for one at all. */
  static get isThere() {
    return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia) && "AudioWorkletNode" in window;
  }

  /**
   * Ask for it. To be called while a hand is on the button: browsers open sound for nobody else.
   * @returns {Promise<string>}  "" once it is open, else why not: refused, missing, taken, failed
   */
  async open() {
    try {
      const context = new AudioContext({ latencyHint: "interactive" });
      this._context = context;
      const wish = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
      const [stream] = await Promise.all([
        navigator.mediaDevices.getUserMedia({ audio: wish, video: false }),
        context.audioWorklet.addModule(this._worklet),
        context.resume(),
      ]);
      this._stream = stream;
      if (this._isClosed) {
        this.close();
        return "";
      }
      const low = () => new BiquadFilterNode(context, { type: "lowpass", frequency: HIGHEST_HZ });
      const capture = new AudioWorkletNode(context, "talk-capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      capture.port.onmessage = ({ data }) => {
        if (!this._isClosed) this._onSound(data.pcm, data.level);
      };
      context.createMediaStreamSource(stream).connect(low()).connect(low()).connect(capture);
      return "";
    } catch (error) {
      this.close();
      return (error instanceof DOMException && REASONS[error.name]) || "failed";
    }
  }

  /** Close it: the browser's mark that it listens goes out. */
  close() {
    this._isClosed = true;
    for (const track of this._stream?.getTracks() ?? []) track.stop();
    if (this._context && this._context.state !== "closed") void this._context.close();
  }
}
