/** The style sheet of report.html. */
import { Html } from "./html.ts";

export const styleSheet = new Html(`<style>
:root{--ink:#1d1b16;--dim:#6d675b;--paper:#fbf9f4;--card:#fff;--line:#e4dfd3;--s0:#a49b8b;--s1:#2f6f8f;--good:#24704a;--bad:#a8382c;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--ink:#ece7db;--dim:#a49d8e;--paper:#191814;--card:#221f1a;--line:#39352c;--s0:#7d7668;--s1:#5aa5c8;--good:#62bd8b;--bad:#e58073}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:2rem 1.25rem 5rem}
h1{font:600 1.9rem/1.2 Georgia,serif;margin:0 0 .4rem}
h2{font:600 1.3rem/1.3 Georgia,serif;margin:2.5rem 0 .8rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
h3{margin:1.6rem 0 .4rem;font-size:1rem}
h4{margin:0 0 .5rem;font-size:.95rem}
h5{margin:0 0 .4rem;font-size:.85rem}
small{color:var(--dim);font-size:.82em;font-weight:400;margin-left:.4em}
header p{color:var(--dim);margin:0;max-width:48rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .7rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
thead th{color:var(--dim);font-weight:500;font-size:.85rem}
tr.slice th{font-weight:400;color:var(--dim);padding-left:.8rem}
.n{text-align:right;padding-right:0}
.even{color:var(--dim)}.better{color:var(--good)}.worse{color:var(--bad)}
.bar{display:block;width:9rem;height:.4rem;margin-top:.25rem;border-radius:2px}
.track{fill:var(--line)}.whisker{stroke:var(--ink);stroke-width:2;opacity:.55}
.dot{display:inline-block;width:.65em;height:.65em;border-radius:50%;margin-right:.4em}
rect.s0{fill:var(--s0)}i.s0{background:var(--s0)}rect.s1,rect.s2,rect.s3{fill:var(--s1)}i.s1,i.s2,i.s3{background:var(--s1)}
.gates{list-style:none;padding:0;display:grid;gap:.35rem}
.gates b{display:inline-block;width:3rem;font-size:.8rem;text-transform:uppercase}
.gates .pass b{color:var(--good)}.gates .fail b{color:var(--bad)}
.stack{display:block;width:100%;height:1.1rem;border-radius:3px}
.legend{list-style:none;padding:0;margin:.4rem 0 1.2rem;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-size:.85rem}
rect.o0{fill:#3b8f63}i.o0{background:#3b8f63}rect.o1{fill:#d9a441}i.o1{background:#d9a441}rect.o2{fill:#c9743a}i.o2{background:#c9743a}
rect.o3{fill:#b04a6a}i.o3{background:#b04a6a}rect.o4{fill:#a8382c}i.o4{background:#a8382c}rect.o5{fill:#8a8375}i.o5{background:#8a8375}
rect.o6{fill:#6a74b3}i.o6{background:#6a74b3}rect.o7{fill:#8c5fa8}i.o7{background:#8c5fa8}
article{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem;margin:0 0 1rem}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1rem;margin-top:.8rem}
.message{border-left:3px solid var(--line);padding:.1rem 0 .1rem .7rem;margin:.35rem 0;overflow-wrap:anywhere}
.message small{margin:0;text-transform:uppercase;letter-spacing:.04em;font-size:.68rem}
.message p{margin:0;white-space:pre-wrap}
.nothing{color:var(--dim);font-style:italic}
.message.user{border-color:var(--s0)}.message.assistant{border-color:var(--s1)}
.message.tool,.message code{font:.82rem/1.45 ui-monospace,monospace}
.message code{display:block}
.outcome{font-weight:400;color:var(--dim);border:1px solid var(--line);border-radius:9px;padding:0 .5em;margin-left:.4em}
.note{color:var(--bad);font-size:.85rem;margin:.3rem 0 0}
</style>`);
