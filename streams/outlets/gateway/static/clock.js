/**
 * The server's time. The local time of day is never looked at: a screen's clock may be minutes wrong.
 * Every hello, beat, snapshot and delta says what time it was when it was made; the largest difference to the page's
 * monotonic clock among the newest ones is of the one that travelled fastest.
 */

const KEPT = 12;

export class ServerClock {
  /** @param {() => number} monotonic milliseconds */
  constructor(monotonic = () => performance.now()) {
    this.monotonic = monotonic;
    this.differences = new Array(KEPT).fill(-Infinity);
    this.place = 0;
  }

  /** @param {number} serverTime milliseconds since 1970 */
  measure(serverTime) {
    this.differences[this.place] = serverTime - this.monotonic();
    this.place = (this.place + 1) % KEPT;
  }

  /** Milliseconds since 1970 by the server's clock, null before it was heard. */
  now() {
    const difference = Math.max(...this.differences);
    return difference === -Infinity ? null : this.monotonic() + difference;
  }

  /** Milliseconds until the server's next whole second. */
  untilNextSecond() {
    const now = this.now();
    return now === null ? 1_000 : 1_000 - (((now % 1_000) + 1_000) % 1_000);
  }
}

/** How long something has gone on at `now`, ms; never below 0. */
export function elapsed(since, now) {
  return Math.max(0, now - since);
}
