/** One source of change that any number of listeners may follow until they stop. */

export type Stop = () => void;

export class Signal<T> {
  /** Call `listener` at every emit, until the returned function is called. */
  connect(listener: (value: T) => void): Stop {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of [...this.listeners]) {
      listener(value);
    }
  }

  private readonly listeners = new Set<(value: T) => void>();
}
