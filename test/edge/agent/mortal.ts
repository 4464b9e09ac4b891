// Ports that die: after the end no call reaches what is behind them, as when a process is killed.

export interface Life {
  alive(): boolean;
  /** After so many more calls through its ports. */
  end(afterCalls?: number): void;
  /** @param onCall called before each call that goes through */
  wrap<T extends object>(port: T, onCall?: () => void): T;
  /** Settles when the end has come. */
  readonly ended: Promise<void>;
}

export function createLife(): Life {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let callsLeft = Number.POSITIVE_INFINITY;
  const spend = (calls: number): void => {
    callsLeft -= calls;
    if (callsLeft <= 0) resolve();
  };
  return {
    alive: () => callsLeft > 0,
    end: (afterCalls = 0) => {
      callsLeft = Math.min(callsLeft, afterCalls);
      spend(0);
    },
    ended,
    wrap: (port, onCall) =>
      new Proxy(port, { get: (target, name) => member(target, name, onCall) }),
  };

  function member(target: object, name: string | symbol, onCall?: () => void): unknown {
    const value = Reflect.get(target, name) as unknown;
    if (typeof value !== "function") return value;
    return (...given: unknown[]): unknown => {
      // A caller that waits waits for ever; one that does not gets nothing that it could use.
      if (callsLeft <= 0) return new Promise<never>(() => undefined);
      spend(1);
      onCall?.();
      return value.apply(target, given) as unknown;
    };
  }
}
