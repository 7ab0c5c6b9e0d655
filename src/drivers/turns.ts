/** Calls `then` after so many turns of the event loop: in each of them the loop reads what has come, and calls back for children that have ended. */
export function afterTurns(turns: number, then: () => void): void {
  if (turns <= 0) then();
  else setImmediate(() => afterTurns(turns - 1, then));
}
