import { OPERATIONS, type OperationName, type ParamsOf, type ResultOf } from '../protocol/operations.js';
import type { RequestOptions } from './server.js';

/** Sends one operation. */
export type Ask = <N extends OperationName>(
  name: N,
  params: ParamsOf<N>,
  options?: RequestOptions,
) => Promise<ResultOf<N>>;

type ArgsOf<N extends OperationName> = (typeof OPERATIONS)[N]['args'];

/** The parameters that come before the options, in the order of the declaration. */
type Positional<Args extends readonly string[], Params> = {
  -readonly [I in keyof Args]: Args[I] extends keyof Params ? Params[Args[I]] : never;
};

/** An operation as a method: its positional parameters, then its other parameters together with the options of the request. */
export type MethodOf<N extends OperationName> = (
  ...given: [...Positional<ArgsOf<N>, ParamsOf<N>>, options?: RequestOptions & Omit<ParamsOf<N>, ArgsOf<N>[number]>]
) => Promise<ResultOf<N>>;

export type Methods = { readonly [N in OperationName]: MethodOf<N> };

/** A method for every operation, by its declaration. */
export function methodsOf(ask: Ask): Methods {
  const methodOf = (name: OperationName) => {
    const args: readonly string[] = OPERATIONS[name].args;
    return (...given: unknown[]) => {
      const [rest, options] = parted(given[args.length] ?? {});
      const positional = args.map((arg, index) => [arg, given[index]] as const);
      return ask(name, { ...Object.fromEntries(positional), ...rest } as ParamsOf<typeof name>, options);
    };
  };
  const names = Object.keys(OPERATIONS) as OperationName[];
  return Object.fromEntries(names.map((name) => [name, methodOf(name)])) as unknown as Methods;
}

/** Splits what a caller gave together: parameters, without those that are undefined, and the options of the request. */
export function parted<T extends object>(
  all: T & RequestOptions,
): [params: Omit<T, keyof RequestOptions>, RequestOptions] {
  const { timeout, onProgress, onAccepted, signal, idempotencyKey, ...rest } = all;
  const params = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return [params as Omit<T, keyof RequestOptions>, { timeout, onProgress, onAccepted, signal, idempotencyKey }];
}
