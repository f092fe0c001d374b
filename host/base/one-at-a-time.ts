/** Returns a function that calls `act`, but does nothing if it is called while `act` runs. */
export function oneAtATime(act: () => void): () => void {
  let runs = false;
  return () => {
    if (runs) return;
    runs = true;
    try {
      act();
    } finally {
      runs = false;
    }
  };
}
