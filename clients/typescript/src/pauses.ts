/** How long to wait: before the next connection, before a fresh token is sent. All times in milliseconds. */

const FIRST = 250;
const LONGEST = 15_000;
/** A connection of use that lasted so long: the next loss is a first one again. */
const STEADY = 10_000;
/** The server stops, is full or has had too much of us: all of its clients hear that at the same moment. */
const SENT_AWAY: ReadonlySet<number | undefined> = new Set([1001, 1012, 1013, 4429]);
/** Over so long at least those come back. */
const SPREAD = 2_000;
const RENEW_BEFORE = 60_000;
const SOONEST_RENEWAL = 1_000;

/** They double from one loss to the next. A server that takes us and loses us at once is not hammered either. */
export class Pauses {
  #next = FIRST;

  /** `lasted`: for how long the connection was of use, 0 if never; `code`: of its close; `chance` in [0, 1). */
  after(lasted: number, code: number | undefined, chance: number): number {
    const pause = lasted >= STEADY ? FIRST : this.#next;
    this.#next = Math.min(2 * pause, LONGEST);
    if (SENT_AWAY.has(code)) return Math.max(pause, SPREAD) * chance + pause / 2;
    return pause * (0.5 + chance / 2);
  }
}

/**
 * A minute before the token's end, or at half its life if that is shorter; whoever is given an old one again waits.
 * From how long the server says that it is good: our clock may be wrong.
 */
export function renewalAfter(expiresIn: number): number {
  return Math.max(expiresIn - RENEW_BEFORE, expiresIn / 2, SOONEST_RENEWAL);
}
