/**
 * Reading what media sends: an init segment (ftyp+moov) and one-frame fragments (moof+mdat), ISO/IEC 14496-12.
 * Only as much as a decoder needs. Nothing here touches the page.
 */

/**
 * @typedef {object} Frame
 * @property {boolean} isKey        whether a decoder can begin here
 * @property {number} time          presentation time, ticks of the track
 * @property {number} duration      ticks
 * @property {Uint8Array} data      the access unit, NAL units behind their lengths
 */

const CONTAINERS = new Set(["moov", "trak", "mdia", "minf", "stbl", "moof", "traf"]);
/** Bytes before the first child box: stsd carries a count, avc1 and hvc1 their own fields. */
const SKIP = new Map([["stsd", 8], ["avc1", 78], ["avc3", 78], ["hvc1", 78], ["hev1", 78], ["mp4a", 28], ["Opus", 28]]);
const SAMPLE_IS_NON_SYNC = 0x10000;

/**
 * Walk all boxes, depth first.
 * @param {DataView} view
 * @param {number} start
 * @param {number} end
 * @returns {Generator<{name: string, start: number, end: number}>} payloads, without their headers
 */
function* boxes(view, start, end) {
  for (let at = start; at + 8 <= end;) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(
      view.getUint8(at + 4), view.getUint8(at + 5), view.getUint8(at + 6), view.getUint8(at + 7),
    );
    if (size < 8 || at + size > end) return;
    const body = at + 8;
    yield { name, start: body, end: at + size };
    if (CONTAINERS.has(name) || SKIP.has(name)) yield* boxes(view, body + (SKIP.get(name) ?? 0), at + size);
    at += size;
  }
}

/**
 * Whether these bytes begin an init segment and not a fragment.
 * @param {Uint8Array} data
 */
export function isInitSegment(data) {
  return data.length > 8 && String.fromCharCode(...data.subarray(4, 8)) === "ftyp";
}

/**
 * The decoder configuration of an H.264 or H.265 track.
 * @param {Uint8Array} data  an init segment
 * @returns {Uint8Array | null} the body of `avcC` or `hvcC`, or null when there is none
 */
export function findDecoderConfiguration(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (const box of boxes(view, 0, data.length)) {
    if (box.name === "avcC" || box.name === "hvcC") return data.subarray(box.start, box.end);
  }
  return null;
}

/**
 * What a decoder of sound has to know.
 * @param {Uint8Array} data  an init segment
 * @returns {{channels: number, description: Uint8Array | null} | null}  of AAC the AudioSpecificConfig; of others nothing
 */
export function findSoundConfiguration(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let channels = 0;
  for (const box of boxes(view, 0, data.length)) {
    if (box.name === "mp4a" || box.name === "Opus") channels = view.getUint16(box.start + 16);
    if (box.name === "esds") return { channels, description: findSpecificConfig(data, box.start + 4, box.end) };
  }
  return channels ? { channels, description: null } : null;
}

/** Bytes of a descriptor before those inside of it: of the stream, of the decoder's configuration (ISO/IEC 14496-1, 7.2.6). */
const DESCRIPTORS = new Map([[3, 3], [4, 13]]);
const SPECIFIC_CONFIG = 5;

/**
 * @param {Uint8Array} data
 * @param {number} start
 * @param {number} end
 */
function findSpecificConfig(data, start, end) {
  for (let at = start; at < end;) {
    const tag = data[at++];
    let size = 0;
    // Seven bits of the size in each byte; the eighth says that there are more.
    for (let more = true; more && at < end; at++) {
      more = data[at] > 0x7f;
      size = (size << 7) | (data[at] & 0x7f);
    }
    if (tag === SPECIFIC_CONFIG) return data.subarray(at, at + size);
    at += DESCRIPTORS.get(tag) ?? size;
  }
  return null;
}

/**
 * Take a one-frame fragment apart.
 * @param {Uint8Array} data
 * @returns {Frame | null} null when it is no fragment
 */
export function readFragment(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let decodeTime = 0;
  let sample = { duration: 0, flags: 0, offset: 0 };
  for (const box of boxes(view, 0, data.length)) {
    if (box.name === "tfdt") {
      const isLong = view.getUint8(box.start) === 1;
      decodeTime = isLong ? Number(view.getBigUint64(box.start + 4)) : view.getUint32(box.start + 4);
    } else if (box.name === "trun") {
      sample = readSample(view, box.start);
    } else if (box.name === "mdat") {
      return {
        isKey: (sample.flags & SAMPLE_IS_NON_SYNC) === 0,
        time: decodeTime + sample.offset,
        duration: sample.duration,
        data: data.subarray(box.start, box.end),
      };
    }
  }
  return null;
}

/**
 * The first sample of a `trun` box.
 * @param {DataView} view
 * @param {number} start
 */
function readSample(view, start) {
  const flags = view.getUint32(start) & 0xffffff;
  let at = start + 8;
  const next = (/** @type {number} */ bit) => {
    if ((flags & bit) === 0) return 0;
    at += 4;
    return view.getUint32(at - 4);
  };
  next(0x1); // data offset
  const firstFlags = next(0x4);
  const duration = next(0x100);
  next(0x200); // size
  const ownFlags = next(0x400);
  const offset = next(0x800) | 0; // signed in version 1
  return { duration, offset, flags: flags & 0x400 ? ownFlags : firstFlags };
}
