// What the page says after a button, carried by its address as one known word.
export const doneWords = {
  retry: "It is tried again now.",
  check: "Everything is being checked; what is found shows among the events.",
  enter: "The device enters safe mode.",
  leave: "The device leaves safe mode.",
  restart: "The service is restarted.",
  "sign-in": "You are signed in.",
  "sign-out": "You are signed out.",
} as const;

export type Done = keyof typeof doneWords;

export function doneAt(done: Done): string {
  return `/?done=${done}`;
}

/** Nothing for a word that somebody else put into the address. */
export function doneText(word: string | undefined): string | undefined {
  return Object.entries(doneWords).find(([done]) => done === word)?.[1];
}
