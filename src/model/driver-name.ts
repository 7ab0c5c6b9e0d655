/** The drivers that run commands: `keeper`, below a process of its own; `local`, as children of the program itself. */
export const DRIVER_NAMES = ['keeper', 'local'] as const;

export type DriverName = (typeof DRIVER_NAMES)[number];
