// The page: light and dark, tables that sort, figures of a class, the list of instances. Everything is drawn from #data.
const DATA = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const LABELS = DATA.labels, CLASSES = DATA.figures.classes, ALL = DATA.instances;
const store = { get: (key) => { try { return localStorage.getItem(key); } catch { return null; } }, set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* a page of a file may have no storage */ } } };

// ---- light and dark ----
const media = window.matchMedia("(prefers-color-scheme: dark)");
const theme = () => document.documentElement.dataset.theme || (media.matches ? "dark" : "light");
function setTheme(name) {
  document.documentElement.dataset.theme = name;
  store.set("makespan-theme", name);
  if (detail.chart) detail.chart.theme(name);
}
const asked = new URLSearchParams(location.hash.slice(1));
if (asked.get("theme") || store.get("makespan-theme")) document.documentElement.dataset.theme = asked.get("theme") || store.get("makespan-theme");
byId("theme").addEventListener("click", () => setTheme(theme() === "dark" ? "light" : "dark"));

// ---- tables ----
function compareValues(a, b) {
  const [x, y] = [parseFloat(a), parseFloat(b)], numbers = a !== "" && b !== "" && !isNaN(a) && !isNaN(b);
  if (a === "" || b === "") return (a === "") - (b === ""); // nothing known comes last, whatever the direction
  return numbers ? x - y : a.localeCompare(b, "en", { numeric: true });
}
// A click on a heading sorts by its column, a second one turns the order round; sort(k, sign) does the work.
function sortable(table, sort) {
  table.querySelectorAll("thead button").forEach((button) => {
    const heading = button.parentElement, k = heading.cellIndex;
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("th").forEach((th) => th.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(k, down ? -1 : 1);
    });
  });
}
document.querySelectorAll("table.sortable").forEach((table) => sortable(table, (k, sign) => {
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const [x, y] = [a.cells[k].dataset.value, b.cells[k].dataset.value];
    return (a.dataset.level === "all") !== (b.dataset.level === "all") ? (a.dataset.level === "all" ? -1 : 1) : compareValues(x, y) * (x === "" || y === "" ? 1 : sign);
  });
  table.tBodies[0].append(...rows);
}));
function tabs(buttons, show) {
  buttons.forEach((button, k) => {
    button.addEventListener("click", () => choose(k));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) { event.preventDefault(); choose((k + step + buttons.length) % buttons.length); buttons[(k + step + buttons.length) % buttons.length].focus(); }
    });
  });
  function choose(k) {
    buttons.forEach((button, i) => { button.setAttribute("aria-selected", i === k); button.tabIndex = i === k ? 0 : -1; });
    show(k);
  }
  buttons.forEach((button) => { button.tabIndex = button.getAttribute("aria-selected") === "true" ? 0 : -1; });
}
const panels = [...document.querySelectorAll("#classes [role=tabpanel]")];
tabs([...document.querySelectorAll("#classes [role=tab]")], (k) => panels.forEach((panel, i) => { panel.hidden = i !== k; }));
const sizeRows = [...document.querySelectorAll('#classes tr[data-level="size"]')];
const showSizes = () => sizeRows.forEach((row) => { row.hidden = !byId("sizes").checked; });
byId("sizes-label").hidden = !sizeRows.length;
byId("sizes").addEventListener("change", showSizes);
showSizes();

const pairRows = [...document.querySelectorAll("#pairs-table tbody tr")];
if (pairRows.length) {
  const select = byId("pairs-class"), show = () => pairRows.forEach((row) => { row.hidden = select.value !== "" && row.cells[0].dataset.value !== select.value; });
  for (const name of new Set(pairRows.map((row) => row.cells[0].dataset.value))) element("option", "", select, name);
  if (LABELS.length > 2) select.value = "all";
  select.addEventListener("change", show);
  show();
}

// ---- figures ----
const hidden = new Set();
const plots = { profile: linePlot(byId("plot-profile")), anytime: linePlot(byId("plot-anytime")), target: linePlot(byId("plot-target")) };
let target = Math.min(2, DATA.figures.targets.length - 1);
CLASSES.forEach((each, k) => {
  const option = element("option", "", byId("figure-class"), `${each.level === "size" ? "\u2003" : ""}${each.name} (${each.instances})`);
  option.value = k;
});
DATA.figures.targets.forEach((each, k) => {
  const button = element("button", "", byId("targets"), FORMATS.percent(each));
  button.type = "button";
  button.addEventListener("click", () => { target = k; drawFigures(true); });
});
LABELS.forEach((label, k) => {
  const button = element("button", "", byId("legend"));
  button.type = "button";
  const key = node("svg", { width: 24, height: 10 }, button);
  node("line", { x1: 0, x2: 24, y1: 5, y2: 5, class: `k${k % 8}`, style: "stroke:var(--k)", "stroke-width": 3, "stroke-dasharray": DASHES[(k >> 3) % 4] }, key);
  button.append(label);
  button.addEventListener("click", () => { if (hidden.has(k)) hidden.delete(k); else hidden.add(k); drawFigures(true); });
});
function drawFigures(keep) {
  const { factors, times } = DATA.figures, chosen = CLASSES[+byId("figure-class").value || 0];
  const curves = (x, lists, step) => LABELS.map((name, k) => ({ name, k, x, y: lists[k], step, hidden: hidden.has(k) }));
  const seconds = { scale: "log", format: "seconds", label: "seconds", low: times[0], high: times[times.length - 1] };
  plots.profile.draw({
    title: "Performance profile", series: curves(factors, chosen.profile, true), y: { format: "percent", low: 0, high: 1.02 },
    x: { scale: "sqrt", format: "percent", label: "τ: above the best of these solvers", low: 0, high: factors[factors.length - 1] },
  }, keep);
  plots.anytime.draw({ title: "Mean gap over time", series: curves(times, chosen.anytime, false), x: seconds, y: { scale: "sqrt", format: "percent", low: 0 } }, keep);
  plots.target.draw({ title: "Time to target", series: curves(times, chosen.targets[target], true), x: seconds, y: { format: "percent", low: 0, high: 1.02 } }, keep);
  ranksPlot(byId("plot-ranks"), chosen.ranks, LABELS);
  const played = chosen.played.filter((count) => count > 0);
  byId("uneven").hidden = new Set(played).size < 2;
  byId("uneven").textContent = `Not every solver has played the same instances of this class: ${chosen.played.map((count, k) => (count ? `${LABELS[k]} ${count}` : "")).filter(Boolean).join(", ")}.`;
  [...byId("targets").children].forEach((button, k) => button.setAttribute("aria-pressed", k === target));
  [...byId("legend").children].forEach((button, k) => {
    button.setAttribute("aria-pressed", !hidden.has(k));
    button.hidden = !chosen.profile[k] && !chosen.anytime[k];
  });
}
byId("figure-class").addEventListener("change", () => drawFigures(false));
drawFigures(false);
let drawnAt = byId("plot-ranks").clientWidth;
new ResizeObserver(() => { if (byId("plot-ranks").clientWidth !== drawnAt) { drawnAt = byId("plot-ranks").clientWidth; drawFigures(true); } }).observe(byId("plot-ranks"));

// ---- instances ----
const PAGE = 200; // rows at first: a page of thousands would be slow to lay out
const list = { order: ALL.name.map((_, i) => i), limit: PAGE, column: null, sign: 1 };
const COLUMNS = [
  ["instance", (i) => ALL.name[i]], ["class", (i) => ALL.set[i]], ["size", (i) => ALL.size[i]], ["bound", (i) => ALL.lower[i]], ["reference", (i) => ALL.reference[i]], ["date", (i) => ALL.date[i]],
  ...LABELS.map((label, c) => [label, (i) => ALL.gap[i][c], c]),
  ...DATA.engines.map((label, e) => [label, (i) => ALL.engines[e][i], undefined, true]),
];
const NUMERIC = (k) => k === 3 || k === 4 || k > 5;
{
  const row = byId("instance-table").tHead.insertRow();
  COLUMNS.forEach(([title, , c, reference], k) => {
    const heading = element("th", (NUMERIC(k) ? "num" : "text") + (reference ? " ref" : ""), row);
    heading.scope = "col";
    const button = element("button", "", heading);
    button.type = "button";
    if (c !== undefined) element("i", `swatch k${c % 8}`, button);
    button.append(title);
  });
  const sets = [...new Set(ALL.set)];
  for (const name of ["all", ...sets]) { const option = element("option", "", byId("instance-class"), name); option.value = name === "all" ? "" : name; }
}
sortable(byId("instance-table"), (k, sign) => { list.column = k; list.sign = sign; listInstances(); });
function matching() {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean), set = byId("instance-class").value, show = byId("instance-show").value;
  const played = (i) => ALL.gap[i].filter((gap) => gap !== null);
  return list.order.filter((i) => {
    if (set && ALL.set[i] !== set) return false;
    if (words.length) { const text = `${ALL.name[i]} ${ALL.set[i]} ${ALL.size[i]}`.toLowerCase(); if (!words.every((word) => text.includes(word))) return false; }
    if (show === "open") return !ALL.proved[i].every((share) => share === null || share === 1);
    if (show === "above") return played(i).some((gap) => gap > 1e-9);
    if (show === "below") return played(i).some((gap) => gap < -1e-9);
    return true;
  });
}
const gapText = (gap) => (gap === null || gap === undefined ? "–" : (gap * 100).toFixed(2).replace("-0.00", "0.00"));
let visible = [];
function listInstances() {
  visible = matching();
  if (list.column !== null) {
    const value = COLUMNS[list.column][1], text = (i) => { const v = value(i); return v === null || v === undefined ? "" : String(v); };
    visible.sort((a, b) => compareValues(text(a), text(b)) * (text(a) === "" || text(b) === "" ? 1 : list.sign));
  }
  const body = document.createElement("tbody");
  for (const i of visible.slice(0, list.limit)) {
    const row = body.insertRow(), gaps = ALL.gap[i].filter((gap) => gap !== null), best = Math.min(...gaps);
    row.dataset.instance = i;
    COLUMNS.forEach(([, value, c, reference], k) => {
      const cell = row.insertCell(), v = value(i);
      cell.className = (NUMERIC(k) ? "num" : "text") + (reference ? " ref" : "");
      if (k === 0) { const button = element("button", "", cell, v); button.type = "button"; return; }
      if (k > 5) {
        const proved = c !== undefined && ALL.proved[i][c] === 1;
        cell.textContent = gapText(v) + (proved ? " ✓" : "");
        if (c !== undefined && v !== null && gaps.length > 1 && gapText(v) === gapText(best)) cell.classList.add("best");
      } else cell.textContent = v === null || v === "" ? "–" : k === 3 || k === 4 ? FORMATS.number(v) : v;
      if (k === 4 || k === 5) cell.title = DATA.sources[ALL.source[i]];
    });
  }
  byId("instance-table").tBodies[0].replaceWith(body);
  byId("count").textContent = visible.length === ALL.name.length ? `${visible.length} instances` : `${visible.length} of ${ALL.name.length} instances`;
  byId("more").hidden = visible.length <= list.limit;
  byId("more").textContent = `Show all ${visible.length}`;
}
for (const id of ["find", "instance-class", "instance-show"]) byId(id).addEventListener("input", () => { list.limit = PAGE; listInstances(); });
byId("more").addEventListener("click", () => { list.limit = Infinity; listInstances(); });
byId("instance-table").addEventListener("click", (event) => { const row = event.target.closest("tbody tr"); if (row) detail.open(+row.dataset.instance); });
byId("instance-table").addEventListener("keydown", (event) => {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const row = step && event.target.closest("tbody tr"), next = row && row[step];
  if (next) { event.preventDefault(); next.querySelector("button").focus(); }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(input|select|textarea)$/i.test(event.target.tagName)) return;
  const key = event.key.toLowerCase(), inChart = event.target.closest(".gantt, .plot");
  if (key === "d" && !inChart) setTheme(theme() === "dark" ? "light" : "dark");
  else if (key === "/" && !detail.dialog.open) { event.preventDefault(); byId("find").focus(); }
  else if (detail.dialog.open && !inChart && key === "n") detail.step(1);
  else if (detail.dialog.open && !inChart && key === "p") detail.step(-1);
});
const sections = [...document.querySelectorAll("main section")], links = [...document.querySelectorAll(".top nav a")];
const watch = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (entry.isIntersecting) links.forEach((link) => { if (link.hash === "#" + entry.target.id) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); });
}), { rootMargin: "-20% 0px -70% 0px" });
sections.forEach((section) => watch.observe(section));
listInstances();
