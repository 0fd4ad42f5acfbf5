/** A dataset of a hub with Hugging Face's API: its commit, licence and files. https://huggingface.co/docs/hub/api */
import { z } from "zod";
import { TwainError } from "../../core/errors.ts";
import { type PoliteFetch, type PoliteOptions, createPoliteFetch } from "./polite-fetch.ts";

/** Large files are named by the SHA-256 of their bytes. */
export interface HubDatasetFile {
  path: string;
  bytes: number;
  sha256?: string;
}

export interface HubDataset {
  /** Names the same bytes for ever. */
  commit: string;
  /** As the dataset's card has it. */
  licence?: string;
  files: HubDatasetFile[];
  /** The page that people read. */
  url: string;
  /** Downloads one file. */
  get(file: HubDatasetFile): Promise<{ path: string; fetchedAt: string }>;
}

const Info = z.looseObject({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  cardData: z
    .looseObject({ license: z.union([z.string(), z.array(z.string())]).nullish() })
    .nullish(),
  siblings: z.array(
    z.looseObject({
      rfilename: z.string(),
      size: z.number().int().nonnegative().nullish(),
      lfs: z.looseObject({ sha256: z.string(), size: z.number().int().nonnegative() }).nullish(),
    }),
  ),
});
type Info = z.infer<typeof Info>;

const MAX_INFO = 64 << 20;

function parseInfo(bytes: Uint8Array, at: string): Info {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    value = undefined;
  }
  const parsed = Info.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TwainError(
    "collect/bad-dataset",
    `${at} answers nothing that a hub says of a dataset`,
    {
      hint: "Does HF_ENDPOINT name a hub?",
    },
  );
}

/** `HF_ENDPOINT` and `HF_TOKEN` of the environment, by the names that Hugging Face's own tools use. */
export async function openHubDataset(
  name: string,
  revision: string,
  options: Omit<PoliteOptions, "headers" | "instead">,
): Promise<HubDataset> {
  const endpoint = (process.env["HF_ENDPOINT"] ?? "https://huggingface.co").replace(/\/+$/, "");
  const token = process.env["HF_TOKEN"];
  const { origin } = new URL(endpoint);
  const polite = (more: Partial<PoliteOptions>): PoliteFetch =>
    createPoliteFetch({
      ...options,
      headers: (url): Record<string, string> =>
        token && url.origin === origin ? { authorization: `Bearer ${token}` } : {},
      instead: token
        ? "accept the dataset's terms on its page; the present HF_TOKEN may not read it"
        : "accept the dataset's terms on its page and set HF_TOKEN to a token that may read it",
      ...more,
    });
  const about = polite({ maxBytes: MAX_INFO });
  // The commit and its files do not change, so they are kept for ever.
  const lasting = polite({ maxAgeHours: Infinity });

  const at = `${endpoint}/api/datasets/${name}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const found = await about.get(at);
  if (!found)
    throw new TwainError(
      "collect/missing-dataset",
      `${endpoint} has no dataset ${name}@${revision}`,
      {
        hint: "Check the name (organisation/dataset) and the revision.",
      },
    );
  const { sha, cardData, siblings } = parseInfo(found.bytes, at);
  const licence = [cardData?.license ?? []].flat().join(", ");
  return {
    commit: sha,
    ...(licence !== "" && { licence }),
    url: `${endpoint}/datasets/${name}`,
    files: siblings.map(({ rfilename, size, lfs }) => ({
      path: rfilename,
      bytes: lfs?.size ?? size ?? 0,
      ...(lfs && { sha256: lfs.sha256 }),
    })),
    async get(file) {
      const path = file.path.split("/").map(encodeURIComponent).join("/");
      const url = `${endpoint}/datasets/${name}/resolve/${sha}/${path}`;
      const downloaded = await lasting.getFile(url, file);
      if (!downloaded)
        throw new TwainError("collect/missing-dataset", `${url} does not exist`, {
          hint: "The hub listed it a moment ago: try again.",
        });
      return downloaded;
    },
  };
}
