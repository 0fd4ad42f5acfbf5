/** A number that `twainbot bench` measured. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** What the value is compared with, and value / reference. */
  reference?: number;
  ratio?: number;
  /** What the ratio says, as in "0.93 of the peak". */
  ratioOf?: string;
}
