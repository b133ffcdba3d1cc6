/** What the page asks and tells the server besides the stream. Addresses are relative: the wall may live under a path. */

/**
 * Who one is. `status`: 200 let in, 401 signed out, 0 not reachable; `name`: the key's, null where there are no keys.
 * @returns {Promise<{status: number, name: string|null}>}
 */
export async function me() {
  try {
    const answer = await fetch("api/v1/me", { cache: "no-store", credentials: "same-origin" });
    const said = answer.ok ? await answer.json() : {};
    return { status: answer.status, name: said.name ?? null };
  } catch {
    return { status: 0, name: null };
  }
}

/**
 * An alert with its evidence and what became of its messages.
 * @returns {Promise<{status: number, details: {alert: object, deliveries: object[]}|null}>} `status` 0: not reachable
 */
export async function alertDetails(id) {
  try {
    const answer = await fetch(`api/v1/alerts/${encodeURIComponent(id)}`, { cache: "no-store", credentials: "same-origin" });
    return { status: answer.status, details: answer.ok ? await answer.json() : null };
  } catch {
    return { status: 0, details: null };
  }
}

/** crypto.randomUUID is missing on pages that came by plain http from elsewhere than loopback. */
const unique = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * POST something. Says in words what went wrong.
 * @returns {Promise<{ok: boolean, status: number, detail: string}>} `detail` is the problem's, '' when unreachable
 */
export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "Idempotency-Key": unique() },
      body: JSON.stringify(body),
    });
  } catch {
    return { ok: false, status: 0, detail: "" };
  }
  if (answer.ok) return { ok: true, status: answer.status, detail: "" };
  const problem = await answer.json().catch(() => ({}));
  return { ok: false, status: answer.status, detail: problem.detail || problem.title || `HTTP ${answer.status}` };
}

export const acknowledge = (alert, by) =>
  post(`api/v1/alerts/${encodeURIComponent(alert)}/acknowledgement`, by ? { by } : {});

export const mute = (matchers, why, until, by) =>
  post("api/v1/mutes", { matchers, why, until: new Date(until).toISOString(), ...(by ? { by } : {}) });

export const signIn = (key) => post("session", { key });
