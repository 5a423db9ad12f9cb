"""How the report looks. Data colours are those of Okabe and Ito, which colour-blind
readers tell apart; each comes in the shade that its background asks for. ``BASE`` is
what all reports share, ``STYLE`` that of the quickstart."""

BASE = """
:root {
  color-scheme: light dark;
  --paper: #fdfdfc; --ink: #24292e; --soft: #667079; --line: #e3e6e8; --grid: #d9dde0;
  --wash: #f4f5f4; --link: #0072b2;
  --level-0: #e69f00; --level-1: #56b4e9; --level-2: #009e73;
  --level-3: #cc79a7; --level-4: #0072b2; --level-5: #d55e00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --ink: #dfe3e6; --soft: #98a2aa; --line: #2c3237; --grid: #343b41;
    --wash: #1c2024; --link: #56b4e9;
    --level-4: #4c97d6; --level-5: #e8743b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3.5rem 1.5rem 5rem; max-width: 59rem;
  background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue',
    'Noto Sans', 'Liberation Sans', 'DejaVu Sans', sans-serif;
}
h1 { margin: 0 0 .6rem; font-size: 2.1rem; line-height: 1.2; letter-spacing: -.015em; }
h2 { margin: 3.4rem 0 .6rem; font-size: 1.3rem; line-height: 1.3; }
p { margin: 0 0 1rem; max-width: 44rem; }
.lead { font-size: 1.15rem; color: var(--soft); }
ul.findings { margin: 0 0 1.6rem; padding: .9rem 1.2rem .9rem 2.2rem; max-width: none;
  background: var(--wash); border-left: 3px solid var(--soft); border-radius: 0 6px 6px 0; }
ul.findings li { margin: .2rem 0; }
a { color: var(--link); text-underline-offset: .15em; }
figure { margin: 1.4rem 0 0; }
figcaption, .note { margin-top: .6rem; font-size: .875rem; line-height: 1.5;
  color: var(--soft); max-width: none; }
svg { display: block; width: 100%; height: auto; overflow: visible; font-size: 10px;
  font-family: inherit; }
code { font: .82em/1.4 ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono',
  monospace; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums;
  font-size: .95rem; }
th, td { padding: .45rem .7rem; text-align: right; border-bottom: 1px solid var(--line);
  vertical-align: baseline; }
th { font-weight: 600; }
thead th { color: var(--soft); font-weight: 500; font-size: .875rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.words { text-align: left; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.4rem;
  margin: 1rem 0 1.6rem; font-size: .95rem; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; }
details { margin-top: 1rem; }
summary { cursor: pointer; color: var(--link); font-size: .95rem; }
@media (max-width: 40rem) {
  body { padding: 2rem 1rem 3rem; }
}
"""

STYLE = (
    BASE
    + """
:root { --scratch: #7a7f85; --mae: #0072b2; --mff: #d55e00; }
@media (prefers-color-scheme: dark) {
  :root { --scratch: #a2a9af; --mae: #56b4e9; --mff: #e88a3c; }
}
tr.chance td, tr.chance th { color: var(--soft); font-weight: 400; }
td.best { font-weight: 700; }
.key { display: inline-block; width: .7rem; height: .7rem; margin-right: .5rem;
  border-radius: 50%; }
.bar { display: inline-block; height: .55rem; border-radius: 2px; background: var(--mae);
  opacity: .75; }
td.length { width: 34%; text-align: left; }
.scenes { display: grid; grid-template-columns: repeat(10, 1fr); gap: 5px; }
.scenes div { font-size: .8rem; color: var(--soft); text-align: center; }
.scenes img { display: block; width: 100%; margin-bottom: 5px; border-radius: 3px;
  image-rendering: pixelated; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.4rem; }
.pair h3 { margin: 0 0 .4rem; font-size: 1rem; }
.pair img { display: block; width: 100%; border-radius: 4px; }
@media (max-width: 40rem) {
  .pair { grid-template-columns: 1fr; }
  .scenes { grid-template-columns: repeat(5, 1fr); }
}
"""
)
