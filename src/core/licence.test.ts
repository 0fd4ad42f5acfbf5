import { describe, expect, test } from "vitest";
import { hubLicence, mayRedistribute, restrictedRows } from "./licence.ts";

describe("what may be handed on", () => {
  test.each([
    ["CC0-1.0", "cc0-1.0"],
    ["public domain in the USA (Project Gutenberg)", undefined],
    ["Public domain (work of the US government)", undefined],
    ["CC BY 4.0", "cc-by-4.0"],
    ["CC-BY-SA-3.0 (Wikipedia)", "cc-by-sa-3.0"],
    ["cc-by-nc-sa-4.0", "cc-by-nc-sa-4.0"],
    ["Apache-2.0", "apache-2.0"],
    [" MIT ", "mit"],
  ])("%s", (licence, hub) => {
    expect(mayRedistribute(licence)).toBe(true);
    expect(hubLicence(licence)).toBe(hub);
  });

  test.each([
    "reddit-user-content (research use; not redistributed)",
    "CC0-1.0 (as marked; not redistributed)",
    "CC-BY-ND-4.0",
    "CC-BY-NC-ND-4.0",
    "CC BY",
    "all rights reserved",
    "unknown",
    "proprietary, with public domain parts",
    "mitigated",
    "",
  ])("not %j", (licence) => {
    expect(mayRedistribute(licence)).toBe(false);
  });
});

test("rows that may not be, over all licences", () => {
  expect(restrictedRows({ "CC0-1.0": 3, unknown: 2, "all rights reserved": 1 })).toBe(3);
});
