"""The style sheet and the script of the report page, as text: the page is one file."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --card: #f6f5f1; --ink: #1d2126; --soft: #5a626c; --line: #d9d6cd;
  --link: #1b62a8; --wrong: #b3261e; --wrong-paper: #fbe4e1; --bar: #2f81c7; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181d; --card: #1e232a; --ink: #e8e6e1; --soft: #a3abb5;
  --line: #39414b; --link: #7db7ee; --wrong: #ff9d94; --wrong-paper: #4a211e; --bar: #2f81c7; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .4rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { max-width: 44rem; margin: .4rem 0 .8rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.lede { font-size: 1.12rem; }
.soft, figcaption, caption, .what { color: var(--soft); font-size: .92rem; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; }
nav { margin: 1rem 0; } nav a { display: inline-block; margin-right: 1.1rem; padding: .2rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .8rem; margin: 1rem 0; }
.card { background: var(--card); border-radius: .6rem; padding: .9rem 1rem; }
.card h3 { margin: 0; }
.card .value { font-size: 2.1rem; font-weight: 650; line-height: 1.2; }
.card .value small { font-size: 1rem; font-weight: 400; }
.meter { height: .55rem; background: var(--line); border-radius: .3rem; margin: .3rem 0 .5rem; overflow: hidden; }
.meter span { display: block; height: 100%; background: var(--bar); }
.card p { margin: .15rem 0; font-size: .92rem; }
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; } thead th { border-bottom-width: 2px; vertical-align: bottom; }
th:first-child, td:first-child, .words td, .words th { text-align: left; }
td small { color: var(--soft); white-space: nowrap; }
figure { margin: 1rem 0; } figcaption { margin-bottom: .4rem; max-width: 44rem; }
.plot.still svg { max-width: 100%; height: auto; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--link); padding: .2rem 0; }
.example { background: var(--card); border-radius: .6rem; padding: .7rem .9rem .8rem; margin: .7rem 0; }
.example .id { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
.pairs { display: flex; flex-wrap: wrap; gap: .35rem .3rem; margin-top: .4rem; }
.pair { display: grid; grid-template-rows: 1.5em 1.5em 1.2em; padding: .1rem .3rem;
  border-radius: .3rem; text-align: center; line-height: 1.5; }
.pair .tag { font-size: .72rem; line-height: 1.5; color: var(--soft); }
.rows { grid-template-rows: 1.5em 1.5em 1.2em; text-align: left; color: var(--soft); }
.wrong { background: var(--wrong-paper); outline: 1px solid var(--wrong); }
.wrong .heard, .wrong .tag { color: var(--wrong); font-weight: 650; }
.heard { text-decoration-thickness: 2px; }
.wrong .heard { text-decoration: underline wavy; text-underline-offset: 3px; }
.D .said { text-decoration: line-through; text-decoration-thickness: 2px; }
.D .heard, .I .said { text-decoration: none; color: var(--soft); }
.two-words td:nth-child(2), .two-words th:nth-child(2) { text-align: left; }
tbody th, .two-words td:nth-child(2) { white-space: nowrap; }
.listen audio { display: block; width: 100%; max-width: 30rem; margin: .4rem 0; }
.pair.column { grid-template-rows: 1.5em repeat(var(--systems), 2.6em); padding: 0; }
.cell { display: grid; grid-template-rows: 1.45em 1em; align-self: start; padding: 0 .25rem; border-radius: .3rem; }
.column .said { padding: 0 .25rem; font-weight: 600; } .column.rows { padding-right: .5rem; }
.rows span { font-weight: 400; }
.cell .tag { line-height: 1.2; }
dl.terms dt { font-weight: 600; margin-top: .5rem; } dl.terms dd { margin: 0 0 .2rem; max-width: 44rem; }
code { font-size: .9em; overflow-wrap: anywhere; }
@media (max-width: 34rem) { main { padding: .8rem .8rem 3rem; } h1 { font-size: 1.35rem; }
  .plot.still { overflow-x: auto; } .plot.still svg { min-width: 36rem; max-width: none; } }
@media print { nav, .skip { display: none; } }
"""

# Replaces each static picture by the interactive one, coloured as the page is; a picture that cannot be drawn stays.
SCRIPT = """
(function () {
  var ink = function (name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); };
  var narrow = function () { return window.innerWidth < 560; };
  function dress(layout) {
    layout.font = Object.assign({}, layout.font, { color: ink('--ink'), size: narrow() ? 12 : 14 });
    layout.hoverlabel = { bgcolor: ink('--card'), bordercolor: ink('--line'), font: { color: ink('--ink') },
      namelength: -1 };
    Object.keys(layout).forEach(function (key) {
      if (/^[xy]axis/.test(key)) { layout[key].linecolor = layout[key].tickcolor = ink('--soft'); }
    });
    return layout;
  }
  function lines(data) {
    data.forEach(function (trace) { if (trace.error_x) { trace.error_x.color = ink('--ink'); } });
    return data;
  }
  function draw(place) {
    var figure = JSON.parse(document.getElementById(place.id + '-figure').textContent);
    place.style.height = figure.layout.height + 'px';
    var config = { responsive: true, displaylogo: false, displayModeBar: false };
    place.textContent = '';
    place.classList.remove('still');
    Plotly.newPlot(place, lines(figure.data), dress(figure.layout), config);
  }
  var places = Array.prototype.slice.call(document.querySelectorAll('.plot'));
  function all() {
    if (typeof Plotly === 'undefined') { return; }
    places.forEach(function (place) {
      var still = place.innerHTML;
      try { draw(place); } catch (error) { place.innerHTML = still; }
    });
  }
  all();
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', all);
})();
"""
