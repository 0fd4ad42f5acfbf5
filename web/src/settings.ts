/** Choices that outlast a visit. A browser that forbids storage only loses that. */
import { useEffect, useState } from "preact/hooks";

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** A stored string; `null` until it is chosen. */
export function useSetting(key: string): [string | null, (value: string | null) => void] {
  const [value, setValue] = useState(() => read(`twainbot.${key}`));
  useEffect(() => {
    try {
      if (value === null) localStorage.removeItem(`twainbot.${key}`);
      else localStorage.setItem(`twainbot.${key}`, value);
    } catch {
      // Not stored, then.
    }
  }, [key, value]);
  return [value, setValue];
}
