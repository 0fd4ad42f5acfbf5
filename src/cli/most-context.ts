/** A conversation's keys and values lie in memory: of a model made for 128k tokens they would take all of it. */
export const MOST_CONTEXT = 4096;
