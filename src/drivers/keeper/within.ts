/** What `promise` resolves with; `late` when it has not after `timeout` ms. */
export async function within<T, L>(timeout: number, promise: Promise<T>, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<L>((resolve) => {
    timer = setTimeout(() => resolve(late), timeout);
  });
  const first = await Promise.race([promise, timeUp]);
  clearTimeout(timer);
  return first;
}
