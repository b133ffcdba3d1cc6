/**
 * Which state the board is in. Pure: `next` takes what happened, `view` says what to show at an instant.
 * Instants (`at`) are the page's monotonic milliseconds; nothing here knows the time of day.
 */

export const PAUSE_ENDS_AFTER = 300_000;

/** @param {number} at when the page began to listen */
export function initial(at) {
  return {
    started: at,
    heard: null, // when the last event of any kind arrived
    cut: false, // the browser gave the stream up; nothing heard since
    signedOut: false,
    mode: "live",
    said: null, // the server's word on its data
    lag: null,
    paused: null,
    limits: { lost_after_ms: 12_000, stale_after_ms: 30_000 },
  };
}

/**
 * @param {ReturnType<typeof initial>} state
 * @param {{type: "event", at: number, said?: string, lag?: number|null, mode?: string, limits?: object}
 *   | {type: "cut"|"refused"|"signed_in"|"pause"|"resume", at: number}} happened
 */
export function next(state, happened) {
  switch (happened.type) {
    case "event":
      return {
        ...state,
        heard: happened.at,
        cut: false,
        signedOut: false,
        said: happened.said ?? state.said,
        lag: happened.lag === undefined ? state.lag : happened.lag,
        mode: happened.mode ?? state.mode,
        limits: happened.limits ?? state.limits,
      };
    case "cut":
      return { ...state, cut: true };
    case "refused":
      return { ...initial(happened.at), limits: state.limits, signedOut: true };
    case "signed_in":
      return { ...state, started: happened.at, signedOut: false };
    case "pause":
      return { ...state, paused: happened.at };
    case "resume":
      return { ...state, paused: null };
    default:
      return state;
  }
}

/**
 * What to show. `lostFor`: ms since the last event, set while disconnected. `withheld`: no tile keeps its status.
 * `fresh`: what says 'now' is of now. `ticking`: waiting clocks run. `pausedFor`: ms.
 *
 * @param {ReturnType<typeof initial>} state
 * @param {number} at
 * @param {boolean} closed every tile of the board is closed
 */
export function view(state, at, closed = false) {
  const silent = at - (state.heard ?? state.started);
  const lost = silent >= state.limits.lost_after_ms || (state.cut && state.heard !== null);
  const replay = state.mode === "replay" || state.said === "replay";
  const paused = state.paused !== null && at - state.paused < PAUSE_ENDS_AFTER;
  const badge = state.signedOut ? "signed_out"
    : lost ? "disconnected"
    : state.heard === null || state.said === null ? "connecting"
    : paused ? "paused"
    : replay ? "replay"
    : state.said === "live" && closed ? "closed"
    : state.said;
  return {
    badge,
    replay,
    lag: state.lag,
    lostFor: badge === "disconnected" ? silent : null,
    pausedFor: badge === "paused" ? at - state.paused : null,
    withheld: silent >= state.limits.stale_after_ms || (state.said === "stale" && !replay),
    fresh: badge === "live" || badge === "closed" || badge === "replay",
    ticking: badge === "live",
  };
}

/** How long to wait before the next try to open the stream, ms: 1 to 30 s, `chance` (0..1) spreads many screens. */
export function backoff(attempt, chance) {
  const most = Math.min(30_000, 1_000 * 2 ** attempt);
  return Math.max(1_000, Math.round(most * (0.5 + chance / 2)));
}
