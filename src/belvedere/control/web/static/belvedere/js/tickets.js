/**
 * Tickets: what opens a media socket, once. One camera asks by itself; the tiles of a wall, asking within one frame,
 * are served by one request.
 */

/**
 * Why there is no ticket.
 */
export class TicketRefused extends Error {
  /**
   * @param {number} status  HTTP status; 0 when the server did not answer
   * @param {string} code    the problem's stable code
   * @param {number} retryAfter  seconds, 0 when unknown
   * @param {string} words   what the server says of it, for people
   */
  constructor(status, code = "", retryAfter = 0, words = "") {
    super(`no ticket: ${status} ${code}`);
    this.words = words;
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Statuses of codes that come inside a batch, where the answer as a whole is 201. */
const STATUS_OF_CODE = /** @type {Record<string, number>} */ ({
  not_found: 404,
  forbidden: 403,
  unauthenticated: 401,
  switched_off: 409,
  rate_limited: 429,
});
const BATCH = 64;

/**
 * @param {string} url
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 */
async function post(url, body, signal) {
  const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new TicketRefused(0);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new TicketRefused(response.status, answer.code, Number(response.headers.get("Retry-After")) || 0, answer.detail);
  }
  return answer;
}

/**
 * One ticket.
 * @param {string} url   the camera's `…/tickets`
 * @param {{kind: string, quality?: string, from?: string, to?: string}} wish
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} the address that it opens
 */
export async function openTicket(url, wish, signal) {
  return (await post(url, wish, signal)).url;
}

/** @type {Map<string, {camera: string, quality: string, resolve: (url: string) => void, reject: (why: Error) => void}[]>} */
const waiting = new Map();

/**
 * A ticket that shares its request with every other one asked for in this frame.
 * @param {string} url  `/api/v1/tickets`
 * @param {string} camera
 * @param {string} quality
 * @returns {Promise<string>}
 */
export function openTicketInBatch(url, camera, quality) {
  return new Promise((resolve, reject) => {
    const asked = waiting.get(url);
    const one = { camera, quality, resolve, reject };
    if (asked) {
      asked.push(one);
      return;
    }
    waiting.set(url, [one]);
    // A timer, not an animation frame: those stop in a tab that is not looked at.
    setTimeout(() => void sendBatch(url), 16);
  });
}

/** @param {string} url */
async function sendBatch(url) {
  const asked = waiting.get(url) ?? [];
  waiting.delete(url);
  for (let from = 0; from < asked.length; from += BATCH) {
    const part = asked.slice(from, from + BATCH);
    try {
      const items = part.map(({ camera, quality }) => ({ camera, kind: "live", quality }));
      const answer = await post(url, { items });
      part.forEach((one, index) => {
        const found = answer.items[index];
        if (found?.url) one.resolve(found.url);
        else one.reject(new TicketRefused(STATUS_OF_CODE[found?.code] ?? 503, found?.code));
      });
    } catch (error) {
      for (const one of part) one.reject(/** @type {Error} */ (error));
    }
  }
}
