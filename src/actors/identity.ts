/** What stays with a path over all its incarnations, also when its supervisor begins anew. */
export interface Identity {
  readonly uuid: string;
  readonly createdAt: number;
  /** The last incarnation that was started. */
  incarnation: number;
  starts: number;
}
