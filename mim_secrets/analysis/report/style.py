"""How the page looks, beyond what all reports share."""

from mim_secrets.analysis.report.looks import css_variables
from mim_secrets.visualization.report.style import BASE

# Figures of one panel or several, which other pages may show as well.
PANELS = """
svg.key { display: inline-block; width: .85rem; height: .85rem; margin-right: .4rem;
  vertical-align: -.06em; flex: none; }
.keys { font-weight: 600; }
.panels { display: grid; gap: 1.6rem 1.8rem; align-items: end;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, var(--least)), 1fr)); }
.panels.wide { --least: 22rem; }
.panels.narrow { --least: 16rem; }
.panel { max-width: 33rem; min-width: 0; }
.keys { display: flex; flex-wrap: wrap; gap: 0 1.2rem; margin-bottom: .3rem;
  font-size: .95rem; overflow-wrap: anywhere; }
"""

STYLE = (
    BASE
    + css_variables()
    + PANELS
    + """
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .6rem; z-index: 1; padding: .5rem .9rem;
  background: var(--paper); border: 2px solid var(--link); border-radius: 6px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
h1, h2, h3, dd, th, td, figcaption { overflow-wrap: break-word; }
h2 { scroll-margin-top: 1rem; }
#figure-cka path { shape-rendering: crispEdges; }
h3 { margin: 2rem 0 .4rem; font-size: 1.05rem; }
nav ul { margin: 1.6rem 0 0; padding: 0; list-style: none; columns: 2; column-gap: 2rem;
  font-size: .95rem; }
nav li { margin: 0 0 .35rem; break-inside: avoid; }
.models { margin: 1.6rem 0; }
.models dt { font-weight: 600; }
.models dt, .models dd { overflow-wrap: anywhere; }
.models dt { min-width: 4rem; }
section > p.says { font-size: 1.0625rem; margin-bottom: .6rem; }
.looks img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
.scroll { border-radius: 2px; }
.scroll table { margin-top: .6rem; }
caption { text-align: left; font-size: .875rem; color: var(--soft); padding-bottom: .4rem; }
thead th { vertical-align: bottom; }
td.number { white-space: nowrap; }
td.number small { color: var(--soft); }
tbody th { font-weight: 500; }
details > p, details > ul { margin-top: .6rem; font-size: .95rem; }
details > ul { padding-left: 1.2rem; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: .875rem; color: var(--soft); }
.on-paper { display: none; }
@media (max-width: 40rem) {
  nav ul { columns: 1; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .7rem; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444c53; --line: #ccc;
    --grid: #ccc; --wash: #fff; --link: #000; --level-4: #0072b2; --level-5: #d55e00; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav, .skip, details.numbers { display: none; }
  .on-paper { display: block; }
  a { text-decoration: none; }
  h2, h3 { break-after: avoid; }
  .panel, .looks img { break-inside: avoid; }
  .panels.wide, .panels.narrow { --least: 15rem; }
  summary { list-style: none; color: var(--ink); font-weight: 600; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
)
