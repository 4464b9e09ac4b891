// Gives out the devices of one world: one to a try, or all of them to a try that has the world for itself.

export interface Seats {
  /** First come, first served: who wants all is not passed by those who come later and want one.
   *  @param body gets the number of its device; the first one when it has all */
  take<T>(wants: "one" | "all", body: (seat: number) => Promise<T>): Promise<T>;
}

interface Waiting {
  count: number;
  seat(numbers: number[]): void;
}

export function createSeats(count: number): Seats {
  const free = Array.from({ length: count }, (_, at) => at);
  const queue: Waiting[] = [];
  const serve = (): void => {
    for (let [first] = queue; first !== undefined && first.count <= free.length; [first] = queue) {
      queue.shift();
      first.seat(free.splice(0, first.count));
    }
  };
  return {
    take: async (wants, body) => {
      const { promise, resolve } = Promise.withResolvers<number[]>();
      queue.push({ count: wants === "all" ? count : 1, seat: resolve });
      serve();
      const numbers = await promise;
      try {
        return await body(numbers[0] ?? 0);
      } finally {
        free.push(...numbers);
        free.sort((a, b) => a - b);
        serve();
      }
    },
  };
}
