/** A small engraving for each voice: a river steamer, a kite in a storm, a sun over hills. */
import type { ComponentChildren } from "preact";
import type { Persona } from "../../src/core/conversation.ts";

const Plate = ({ children }: { children: ComponentChildren }) => (
  <svg viewBox="0 0 240 64" class="ornament" aria-hidden="true" focusable="false">
    {children}
  </svg>
);

const Steamer = () => (
  <Plate>
    <path
      class="hair"
      d="M4 55q7-4 14 0t14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 8 0"
    />
    <path
      class="hair"
      d="M24 60q7-4 14 0t14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0 14 0"
    />
    <path class="ink" d="M62 42h112l8 2-7 8H70z" />
    <path
      class="line"
      d="M70 42V32h96v10M78 32v-8h72v8M118 24v-6h20v6M84 42V32M98 42V32M112 42V32M126 42V32M140 42V32M154 42V32M90 32v-8M104 32v-8M132 32v-8"
    />
    <path class="ink" d="M92 24V8h5v16zM103 24V8h5v16zM90 8h9l1-3H89zM101 8h9l1-3h-11z" />
    <circle class="line" cx="64" cy="42" r="12" />
    <path class="line" d="M64 30v24M52 42h24M55.500 33.500l17 17M72.500 33.500l-17 17" />
    <path class="smoke" d="M93 3q-8-4-16 0t-18-1-20 3q-8 4-18 0M105 2q-6-3-12 0" />
    <path class="line" d="M168 42V16M168 17l10 3-10 3" />
    <path class="hair" d="M188 48h44M194 44h30" />
  </Plate>
);

const Kite = () => (
  <Plate>
    <path
      class="line"
      d="M20 24a9 9 0 0 1 10-12 14 14 0 0 1 26-2 10 10 0 0 1 14 10 7 7 0 0 1-3 13H27a8 8 0 0 1-7-9z"
    />
    <path class="hair" d="M28 28h34M32 24h26M36 20h18M44 16h8" />
    <path class="bolt" d="M50 33l-8 13h7l-5 12 14-16h-7l6-9z" />
    <path class="hair" d="M26 38l-5 9M34 38l-8 15M64 38l-5 9M72 36l-8 15" />
    <path class="ink" d="M150 6l18 14-10 24-16-22z" />
    <path class="paper-line" d="M150 6l8 38M142 22l26-2" />
    <path class="line" d="M158 44q-20 4-14 12t-24 2" />
    <path class="line" d="M158 44q8 4 4 8t6 8M161 49l5-2M164 56l5-2" />
    <circle class="line" cx="114" cy="58" r="4" />
    <path class="line" d="M110 58H94v4M99 58v4" />
    <path class="hair" d="M186 20h38M192 26h26M182 32h34M196 38h22" />
  </Plate>
);

const SunOverHills = () => (
  <Plate>
    <circle class="ink" cx="120" cy="34" r="12" />
    <path
      class="line"
      d="M120 4v12M92 12l8 9M148 12l-8 9M80 34h16M144 34h16M98 20l5 5M142 20l-5 5M106 8l3 10M134 8l-3 10M86 24l11 4M154 24l-11 4"
    />
    <path class="ground" d="M8 56q28-20 56-8t56-2q30-14 58-2 26-8 46 12z" />
    <path class="line" d="M8 56q28-20 56-8t56-2q30-14 58-2 26-8 46 12" />
    <path
      class="hair"
      d="M26 54q14-8 28-1M66 56q20-8 38-3M116 56q18-6 34-1M166 56q14-6 26-2M30 60h180"
    />
  </Plate>
);

export function Ornament({ persona }: { persona: Persona }) {
  if (persona === "twain") return <Steamer />;
  return persona === "franklin" ? <Kite /> : <SunOverHills />;
}
