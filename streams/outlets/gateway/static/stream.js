/**
 * The stream of the board, for good: the browser's EventSource gives up after one 401 or 503 and hangs on a dead line;
 * this asks why, waits, and opens another one.
 */

import { me } from "./api.js";
import { backoff } from "./state.js";

const NAMES = ["hello", "snapshot", "delta", "alert", "beat"];
const ASK_AGAIN = 30_000;

export class Stream {
  /**
   * @param {string} board
   * @param {{event: (name: string, said: object) => void, cut: () => void, refused: () => void}} told
   * @param {() => number} silentAfter ms without an event after which a line counts as dead
   */
  constructor(board, told, silentAfter) {
    Object.assign(this, { board, told, silentAfter });
    this.source = null;
    this.timer = null;
    this.watch = null;
    this.attempt = 0;
    this.unread = 0;
  }

  open() {
    this.close();
    this.source = new EventSource(`api/v1/stream?board=${encodeURIComponent(this.board)}`);
    for (const name of NAMES) this.source.addEventListener(name, (event) => this.take(name, event));
    this.source.addEventListener("error", () => {
      if (this.source?.readyState === EventSource.CLOSED) this.ended();
    });
    this.listen();
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.watch);
    this.source?.close();
    this.source = null;
  }

  take(name, event) {
    this.attempt = 0;
    this.listen();
    let said;
    try {
      said = JSON.parse(event.data);
      this.told.event(name, said);
    } catch (error) {
      this.unread += 1;
      console.warn(`the stream's ${name} was not understood: ${error.message}`);
    }
  }

  /** A line that says nothing for twice as long as it may is dead, whatever the browser thinks. */
  listen() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.ended(), 2 * this.silentAfter());
  }

  ended() {
    this.close();
    this.told.cut();
    this.ask();
  }

  /** Whether the server lets us in; only then the stream is opened again. */
  async ask() {
    const { status } = await me();
    if (this.source !== null) return; // opened meanwhile, by signing in
    if (status === 401) {
      this.told.refused();
      this.timer = setTimeout(() => this.ask(), ASK_AGAIN);
      return;
    }
    const wait = backoff(this.attempt, Math.random());
    this.attempt += 1;
    this.timer = setTimeout(() => (status === 200 ? this.open() : this.ask()), wait);
  }
}
