type Add = AbortSignal['addEventListener'];
type Remove = AbortSignal['removeEventListener'];
type Listener = Parameters<Add>[1];
type Call = (this: unknown, event: Event) => void;

/**
 * Makes a signal safe for user code: errors and rejections of its listeners go to `threw`, where EventTarget would make uncaught exceptions of them.
 * `onabort` is covered too: its setter goes through `addEventListener`. Listeners of a derived signal (AbortSignal.any) are not.
 */
export function isolateListeners(signal: AbortSignal, threw: (thrown: unknown) => void): void {
  const guards = new WeakMap<object, Call>();
  const guardOf = (listener: Listener): Listener => {
    if (listener === null || listener === undefined) return listener;
    const guard = guards.get(listener) ?? guardedListener(listener, threw);
    guards.set(listener, guard);
    return guard;
  };
  const { addEventListener, removeEventListener } = signal;
  const add: Add = (type, listener, options) => addEventListener.call(signal, type, guardOf(listener), options);
  const remove: Remove = (type, listener, options) =>
    removeEventListener.call(signal, type, guardOf(listener), options);
  Object.defineProperties(signal, { addEventListener: { value: add }, removeEventListener: { value: remove } });
}

function guardedListener(listener: NonNullable<Listener>, threw: (thrown: unknown) => void): Call {
  return function (event) {
    try {
      const result: unknown =
        typeof listener === 'function' ? Reflect.apply(listener, this, [event]) : listener.handleEvent(event);
      if (result instanceof Promise) result.catch(threw);
    } catch (thrown) {
      threw(thrown);
    }
  };
}
