/** Writes CSV for tests, every field quoted. */
export const stringify = (table: readonly (readonly string[])[]): string =>
  table.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(",")).join("\n");
