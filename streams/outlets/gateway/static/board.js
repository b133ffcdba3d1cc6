/** What the server said of the board: pages, tiles, problems, alerts, sources. No page elements here. */

export class Board {
  constructor() {
    this.clear();
  }

  clear() {
    this.about = { id: "", title: "", timezone: "UTC" };
    this.role = null;
    this.build = null;
    this.pages = [];
    this.tiles = new Map();
    this.problems = [];
    this.more = 0;
    this.alerts = new Map();
    this.sources = [];
    this.watermark = null;
    this.serverTime = null;
    this.hiddenQueues = 0;
  }

  hello(said) {
    this.about = said.board ?? this.about;
    this.role = said.role ?? null;
    this.build = said.build ?? null;
  }

  /** The whole board: replaces everything. */
  snapshot(said) {
    this.pages = said.pages.map((page) => ({ title: page.title, ids: page.tiles.map((tile) => tile.id) }));
    this.tiles = new Map(said.pages.flatMap((page) => page.tiles).map((tile) => [tile.id, tile]));
    this.problems = said.problems ?? [];
    this.more = said.more_problems ?? 0;
    this.alerts = new Map((said.alerts ?? []).map((alert) => [alert.id, alert]));
    this.sources = said.sources ?? this.sources;
    this.hiddenQueues = said.hidden_queues ?? 0;
    this.passed(said);
  }

  /** What changed. A tile that no snapshot has placed is left out: the next snapshot places it. @returns {string[]} */
  delta(said) {
    const changed = Object.keys(said.tiles ?? {}).filter((id) => this.tiles.has(id));
    for (const id of changed) this.tiles.set(id, said.tiles[id]);
    if (said.problems) {
      this.problems = said.problems;
      this.more = said.more_problems ?? 0;
    }
    this.passed(said);
    return changed;
  }

  /** One alert as it is now. Those that are over are kept until the next snapshot: a dialog may still show them. */
  alert(said) {
    const before = this.alerts.get(said.id);
    this.alerts.set(said.id, said);
    return before;
  }

  beat(said) {
    this.sources = said.sources ?? this.sources;
    this.passed(said);
  }

  passed(said) {
    this.watermark = said.watermark ?? null;
    this.serverTime = said.server_time ?? this.serverTime;
  }

  /** Whether nothing has ever been heard of what the tiles show: a fresh installation. */
  get empty() {
    return this.tiles.size > 0 && [...this.tiles.values()].every((tile) => tile.value === null && tile.reason === "no_data");
  }

  /** Whether every tile is of a closed queue. */
  get closed() {
    return this.tiles.size > 0 && [...this.tiles.values()].every((tile) => tile.status === "closed");
  }

  /** Ids of the tiles that are bad. */
  get bad() {
    return new Set([...this.tiles.values()].filter((tile) => tile.status === "bad").map((tile) => tile.id));
  }
}
